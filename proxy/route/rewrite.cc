#include "proxy/route/rewrite.h"

#include "absl/strings/str_cat.h"

namespace weft::route {
namespace {

// Host without its port; the brackets of an IPv6 address stay.
std::string_view HostOf(std::string_view authority) {
  const size_t colon = authority.rfind(':');
  const size_t bracket = authority.rfind(']');
  if (colon == std::string_view::npos || (bracket != std::string_view::npos && bracket > colon)) return authority;
  return authority.substr(0, colon);
}

std::string_view PortOf(std::string_view authority) {
  const std::string_view host = HostOf(authority);
  return host.size() == authority.size() ? std::string_view() : authority.substr(host.size() + 1);
}

// The new path with the old query, in the arena; nullopt when nothing changes.
std::optional<std::string_view> RewrittenPath(const std::string& prefix_rewrite,
                                              const std::optional<RegexRewrite>& regex, const RequestMatcher& matcher,
                                              const http::RequestHead& request, base::Arena& arena) {
  if (!prefix_rewrite.empty()) {
    return arena.Concat(prefix_rewrite, request.path.substr(matcher.MatchedPath(request.path).size()));
  }
  if (!regex) return std::nullopt;
  const std::string_view bare = request.path_without_query();
  return arena.Concat(regex->Apply(bare), request.path.substr(bare.size()));
}

void SetAuthority(const config::ForwardSpec& spec, std::string_view authority, http::RequestHead* request) {
  if (spec.append_x_forwarded_host && authority != request->authority) {
    request->headers.Add("x-forwarded-host", request->authority);
  }
  request->headers.Set("x-envoy-original-host", request->authority);
  request->authority = request->arena.Copy(authority);
}

}  // namespace

absl::StatusOr<RegexRewrite> RegexRewrite::Compile(const config::RegexRewriteSpec& spec) {
  auto pattern = CompileRegex(spec.pattern);
  if (!pattern.ok()) return pattern.status();
  std::string error;
  if (!(*pattern)->CheckRewriteString(spec.substitution, &error)) {
    return absl::InvalidArgumentError(absl::StrCat("substitution \"", spec.substitution, "\": ", error));
  }
  RegexRewrite rewrite;
  rewrite.pattern_ = *std::move(pattern);
  rewrite.substitution_ = spec.substitution;
  return rewrite;
}

std::string RegexRewrite::Apply(std::string_view path) const {
  std::string text(path);
  re2::RE2::GlobalReplace(&text, *pattern_, substitution_);
  return text;
}

void RewriteRequest(const config::ForwardSpec& spec, const RequestMatcher& matcher,
                    const std::optional<RegexRewrite>& regex, http::RequestHead* request, http::Context* context) {
  if (!request->is_connect()) {
    if (auto path = RewrittenPath(spec.prefix_rewrite, regex, matcher, *request, request->arena)) {
      request->headers.Set("x-envoy-original-path", request->path);
      request->path = *path;
    }
  }
  if (!spec.host_rewrite.empty()) {
    SetAuthority(spec, spec.host_rewrite, request);
  } else if (!spec.host_rewrite_header.empty()) {
    if (const auto host = request->headers.Get(spec.host_rewrite_header)) SetAuthority(spec, *host, request);
  } else if (spec.auto_host_rewrite) {
    context->authority_of_endpoint = true;
  }
}

std::string RedirectLocation(const config::RedirectSpec& spec, const RequestMatcher& matcher,
                             const std::optional<RegexRewrite>& regex, const http::RequestHead& request) {
  const std::string_view scheme = spec.https_redirect   ? "https"
                                  : spec.scheme.empty() ? request.scheme
                                                        : std::string_view(spec.scheme);
  std::string location(scheme);
  location += "://";
  location += spec.host.empty() ? HostOf(request.authority) : std::string_view(spec.host);
  if (spec.port) {
    absl::StrAppend(&location, ":", *spec.port);
  } else if (spec.host.empty() && scheme == request.scheme && !PortOf(request.authority).empty()) {
    location.append(":").append(PortOf(request.authority));
  }
  std::string path;
  base::Arena arena;
  if (!spec.path.empty()) {
    path = spec.path;
    if (path.find('?') == std::string::npos && !request.query().empty()) path.append("?").append(request.query());
  } else if (auto rewritten = RewrittenPath(spec.prefix_rewrite, regex, matcher, request, arena)) {
    path = std::string(*rewritten);
  } else {
    path = std::string(request.path);
  }
  if (spec.strip_query) path.resize(std::min(path.size(), path.find('?')));
  return location + path;
}

}  // namespace weft::route
