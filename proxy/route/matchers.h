// Compiled matchers of routes: text, header fields, query parameters. Made on the main thread from validated specs,
// then immutable; any thread may match. Semantics are those of envoy.type.matcher.v3 and envoy.config.route.v3.
#ifndef WEFT_PROXY_ROUTE_MATCHERS_H_
#define WEFT_PROXY_ROUTE_MATCHERS_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "proxy/config/route_spec.h"
#include "proxy/http/message.h"
#include "re2/re2.h"

namespace weft::route {

// A regular expression that matches in time linear in the text. The error names the expression and what RE2 says of it.
absl::StatusOr<std::shared_ptr<const re2::RE2>> CompileRegex(const std::string& pattern);

class StringMatcher {
 public:
  static absl::StatusOr<StringMatcher> Compile(const config::StringMatchSpec& spec);
  bool Matches(std::string_view text) const;

 private:
  config::StringMatchSpec spec_;
  std::shared_ptr<const re2::RE2> regex_;
};

class HeaderMatcher {
 public:
  static absl::StatusOr<HeaderMatcher> Compile(const config::HeaderMatchSpec& spec);
  bool Matches(const http::RequestHead& request) const;

 private:
  bool MatchesValue(std::string_view value) const;
  config::HeaderMatchSpec spec_;
  std::optional<StringMatcher> text_;
};

class QueryMatcher {
 public:
  static absl::StatusOr<QueryMatcher> Compile(const config::QueryMatchSpec& spec);
  bool Matches(std::string_view query) const;

 private:
  std::string name_;
  std::optional<StringMatcher> value_;
};

// RouteMatch.
class RequestMatcher {
 public:
  static absl::StatusOr<RequestMatcher> Compile(const config::RouteMatchSpec& spec);
  // `random`: an evenly spread number, for runtime_fraction.
  bool Matches(const http::RequestHead& request, uint64_t random) const;
  // The part of the path that prefix_rewrite replaces: the prefix, or the whole path (without query).
  std::string_view MatchedPath(std::string_view path) const;

 private:
  bool MatchesPath(const http::RequestHead& request) const;
  config::RouteMatchSpec spec_;
  std::shared_ptr<const re2::RE2> regex_;
  std::vector<HeaderMatcher> headers_;
  std::vector<QueryMatcher> query_;
};

// A field of the request by name, pseudo-headers (":method", ":path", ":authority", ":scheme") included.
std::optional<std::string_view> FieldOf(const http::RequestHead& request, std::string_view name);

bool IsGrpc(const http::RequestHead& request);

}  // namespace weft::route

#endif  // WEFT_PROXY_ROUTE_MATCHERS_H_
