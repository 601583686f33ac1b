// An HTTPRoute in the mesh form, its defaults filled in. Plain values, already validated by control/source:
// regular expressions compile, weights and codes are in range, filters are those that a proxy can do.
#ifndef WEFT_CONTROL_MODEL_HTTP_ROUTE_H_
#define WEFT_CONTROL_MODEL_HTTP_ROUTE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "control/model/meta.h"

namespace weft::control::model {

struct PathMatch {
  enum class Type { kPrefix, kExact, kRegex };
  Type type = Type::kPrefix;  // a prefix is of whole path elements: /a matches /a and /a/b, not /ab
  std::string value = "/";
};

struct ValueMatch {
  enum class Type { kExact, kRegex };
  Type type = Type::kExact;  // a regular expression matches the whole value
  std::string name;          // of a header (lower case) or a query parameter
  std::string value;
};

// All that is set must hold.
struct RouteMatch {
  PathMatch path;
  std::vector<ValueMatch> headers;
  std::vector<ValueMatch> query_params;
  std::string method;  // empty: any
};

struct HeaderChanges {
  std::vector<std::pair<std::string, std::string>> set;
  std::vector<std::pair<std::string, std::string>> add;
  std::vector<std::string> remove;

  bool empty() const { return set.empty() && add.empty() && remove.empty(); }
};

struct PathChange {
  enum class Type { kFull, kPrefix };  // kPrefix replaces what the rule's path prefix matched
  Type type = Type::kFull;
  std::string value;
};

struct Redirect {
  std::string scheme;    // empty: as it came
  std::string hostname;  // empty: as it came
  std::optional<PathChange> path;
  uint16_t port = 0;  // 0: as it came, or the scheme's own when `scheme` is set
  int status_code = 302;
};

struct Rewrite {
  std::string hostname;  // empty: unchanged
  std::optional<PathChange> path;
};

struct Filters {
  HeaderChanges request_headers;
  HeaderChanges response_headers;
  std::optional<Redirect> redirect;
  std::optional<Rewrite> rewrite;
};

struct Backend {
  Name service;
  uint16_t port = 0;
  uint32_t weight = 1;
  // Of the filters only header changes exist here.
  HeaderChanges request_headers;
  HeaderChanges response_headers;
};

struct RouteRule {
  std::string name;
  std::vector<RouteMatch> matches;  // any of them; never empty
  Filters filters;
  std::vector<Backend> backends;  // none (or all of weight 0) and no redirect: 500, as the Gateway API says
  std::optional<absl::Duration> request_timeout;          // ZeroDuration: none at all
  std::optional<absl::Duration> backend_request_timeout;  // of one try
};

struct RouteParent {
  Name service;
  uint16_t port = 0;  // 0: every HTTP port
};

struct HttpRoute {
  ObjectMeta meta;
  std::vector<RouteParent> parents;
  std::vector<std::string> hostnames;  // exact or "*.suffix"; empty: every host
  std::vector<RouteRule> rules;        // never empty
};

}  // namespace weft::control::model

#endif  // WEFT_CONTROL_MODEL_HTTP_ROUTE_H_
