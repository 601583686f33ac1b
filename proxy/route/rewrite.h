// What a rule does to the path and the authority of a request, and the Location of a redirect. Worker thread; texts go
// into the request's arena.
#ifndef WEFT_PROXY_ROUTE_REWRITE_H_
#define WEFT_PROXY_ROUTE_REWRITE_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "proxy/config/route_spec.h"
#include "proxy/http/context.h"
#include "proxy/http/message.h"
#include "proxy/route/matchers.h"

namespace weft::route {

// RegexMatchAndSubstitute: every match in the path (without its query) is replaced.
class RegexRewrite {
 public:
  static absl::StatusOr<RegexRewrite> Compile(const config::RegexRewriteSpec& spec);
  std::string Apply(std::string_view path) const;

 private:
  std::shared_ptr<const re2::RE2> pattern_;
  std::string substitution_;
};

// The request as it goes to the upstream: path, authority, x-forwarded-host, and where they came from in the fields
// that Envoy's users know: x-envoy-original-path, x-envoy-original-host.
void RewriteRequest(const config::ForwardSpec& spec, const RequestMatcher& matcher,
                    const std::optional<RegexRewrite>& regex, http::RequestHead* request, http::Context* context);

// The Location header of a redirect (RFC 9110 section 10.2.2), always an absolute URI.
std::string RedirectLocation(const config::RedirectSpec& spec, const RequestMatcher& matcher,
                             const std::optional<RegexRewrite>& regex, const http::RequestHead& request);

}  // namespace weft::route

#endif  // WEFT_PROXY_ROUTE_REWRITE_H_
