#include "proxy/downstream/admission.h"

#include <memory>
#include <string>
#include <utility>

#include "proxy/http/path.h"
#include "proxy/http/reply.h"

namespace weft::downstream {
namespace {

using base::FailureKind;

http::Response Refuse(FailureKind kind, std::string detail, const http::RequestHead& request, http::Context* context) {
  context->failed = true;
  context->failure = {kind, base::Origin::kDownstream, base::Phase::kRequestHead, base::RetrySafety::kNever,
                      std::move(detail)};
  return http::MakeReply(context->failure, &request);
}

// 307: the method and the content stay the same.
http::Response RedirectTo(std::string_view path) {
  http::Response response;
  response.head = std::make_unique<http::Response::PooledHead>();
  response.head->status = 307;
  response.head->reason = http::ReasonPhrase(307);
  response.head->has_content_length = true;
  response.head->headers.Add("location", path);
  return response;
}

}  // namespace

std::optional<http::Response> Admit(const config::HttpConnectionSpec& spec, http::RequestHead* request,
                                    http::Context* context) {
  if (request->version == http::Version::kHttp10) {
    if (!spec.accept_http_10)
      return Refuse(FailureKind::kHttp10Refused, "HTTP/1.0 is not accepted here", *request, context);
    if (request->authority.empty()) request->authority = request->arena.Copy(spec.default_host_for_http_10);
    if (request->authority.empty()) return Refuse(FailureKind::kMalformedRequest, "no Host field", *request, context);
  }
  switch (http::NormalizePath(spec.path, request->arena, &request->path)) {
    case http::PathVerdict::kGoOn: return std::nullopt;
    case http::PathVerdict::kRedirect: return RedirectTo(request->path);
    case http::PathVerdict::kRefuse: break;
  }
  return Refuse(FailureKind::kMalformedRequest, "forbidden escape in the path", *request, context);
}

}  // namespace weft::downstream
