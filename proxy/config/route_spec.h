// Routes as a spec: RouteConfiguration (envoy.config.route.v3), validated, with Envoy's defaults applied. route/
// compiles it into a Table. Plain values; any thread.
#ifndef WEFT_PROXY_CONFIG_ROUTE_SPEC_H_
#define WEFT_PROXY_CONFIG_ROUTE_SPEC_H_

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "proxy/runtime/clock.h"

namespace weft::config {

// StringMatcher. Regular expressions are RE2 and match the whole text.
struct StringMatchSpec {
  enum class How : uint8_t { kExact, kPrefix, kSuffix, kContains, kRegex } how = How::kExact;
  std::string text;
  bool ignore_case = false;  // never with kRegex
};

// HeaderMatcher. `name` is lower case and may be ":method", ":path", ":authority", ":scheme".
struct HeaderMatchSpec {
  struct Range {
    int64_t start = 0, end = 0;  // half open
  };
  std::string name;
  std::variant<std::monostate, StringMatchSpec, Range> value;  // monostate: presence alone
  bool present = true;                                         // with presence alone: false asks for absence
  bool invert = false;
  bool treat_missing_as_empty = false;
};

// QueryParameterMatcher.
struct QueryMatchSpec {
  std::string name;
  std::optional<StringMatchSpec> value;  // none: presence
};

// RouteMatch.
struct RouteMatchSpec {
  // kPathSeparatedPrefix: path_separated_prefix, "/a" matches "/a" and "/a/b" but not "/ab". kConnect: connect_matcher.
  enum class Path : uint8_t { kExact, kPrefix, kPathSeparatedPrefix, kRegex, kConnect } path_how = Path::kPrefix;
  std::string path;
  bool ignore_case = false;
  std::vector<HeaderMatchSpec> headers;
  std::vector<QueryMatchSpec> query;
  bool grpc = false;                  // only requests with content-type application/grpc…
  uint32_t fraction_numerator = 100;  // runtime_fraction
  uint32_t fraction_denominator = 100;
};

// HeaderValueOption, and request_headers_to_remove. Values may hold the %COMMAND%s of header_command.h.
struct HeaderChangeSpec {
  enum class Append : uint8_t { kAppend, kAddIfAbsent, kOverwrite, kOverwriteIfExists } append = Append::kAppend;
  std::string name;
  std::string value;
};
struct HeaderChangesSpec {
  std::vector<HeaderChangeSpec> add;
  std::vector<std::string> remove;  // lower case
  bool empty() const { return add.empty() && remove.empty(); }
};

struct WeightedClusterSpec {
  std::string name;
  uint32_t weight = 1;
  HeaderChangesSpec request_headers, response_headers;
};

struct RegexRewriteSpec {
  std::string pattern;
  std::string substitution;  // RE2: \1
};

// RouteAction.
struct ForwardSpec {
  std::vector<WeightedClusterSpec> clusters;  // one of weight 1 for a plain `cluster`; empty with cluster_header
  std::string cluster_header;                 // the request's field that names the cluster; lower case
  std::string prefix_rewrite;
  std::optional<RegexRewriteSpec> regex_rewrite;  // of the path without its query
  std::string host_rewrite;                       // host_rewrite_literal
  bool auto_host_rewrite = false;                 // the endpoint's hostname
  std::string host_rewrite_header;
  runtime::Duration timeout = std::chrono::seconds(15);  // 0: none
  std::optional<runtime::Duration> idle_timeout;         // of the stream; none: the connection manager's
  bool append_x_forwarded_host = false;
  uint16_t no_cluster_status = 503;                    // cluster_not_found_response_code: 503, 404 or 500
  std::vector<std::pair<std::string, bool>> upgrades;  // upgrade_configs: lower case type, enabled
};

// RedirectAction.
struct RedirectSpec {
  bool https_redirect = false;
  std::string scheme, host;
  std::optional<uint16_t> port;
  std::string path;  // path_redirect; may hold its own query
  std::string prefix_rewrite;
  std::optional<RegexRewriteSpec> regex_rewrite;
  bool strip_query = false;
  uint16_t status = 301;
};

// DirectResponseAction.
struct DirectResponseSpec {
  uint16_t status = 200;
  std::string body;
};

// Route.
struct RouteSpec {
  std::string name;
  RouteMatchSpec match;
  std::variant<ForwardSpec, RedirectSpec, DirectResponseSpec> action;
  HeaderChangesSpec request_headers, response_headers;
};

struct VirtualHostSpec {
  enum class RequireTls : uint8_t { kNone, kExternalOnly, kAll } require_tls = RequireTls::kNone;
  std::string name;
  std::vector<std::string> domains;  // lower case: "a.b", "*.b", "a.*", "*"; unique in the table
  std::vector<RouteSpec> routes;     // the first that matches wins
  HeaderChangesSpec request_headers, response_headers;
};

// RouteConfiguration.
struct RouteTableSpec {
  std::string name;
  std::vector<VirtualHostSpec> virtual_hosts;
  HeaderChangesSpec request_headers, response_headers;
  bool most_specific_header_mutations_wins =
      false;  // false: route's first, then virtual host's, then the table's (Envoy)
  bool ignore_port_in_host_matching = false;
};

}  // namespace weft::config

#endif  // WEFT_PROXY_CONFIG_ROUTE_SPEC_H_
