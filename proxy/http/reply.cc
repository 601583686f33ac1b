#include "proxy/http/reply.h"

#include <cstring>
#include <string>

namespace weft::http {
namespace {

using base::FailureKind;

// google.rpc.Code, the ones that Envoy's HTTP mapping uses too.
constexpr int kCancelled = 1, kUnknown = 2, kDeadlineExceeded = 4, kPermissionDenied = 7, kResourceExhausted = 8,
              kUnimplemented = 12, kInternal = 13, kUnavailable = 14;

class TextBody final : public Body {
 public:
  explicit TextBody(std::string_view text) {
    if (text.empty()) return;
    data_.owner = base::BufferPool::ForThisThread().Take(text.size());
    std::memcpy(data_.owner.data(), text.data(), text.size());
    data_.data = data_.owner.data();
    data_.size = text.size();
  }
  std::optional<base::Result<BodyPiece>> TryRead() override {
    BodyPiece piece;
    piece.data = std::move(data_);
    piece.end = true;
    return base::Result<BodyPiece>(std::move(piece));
  }
  runtime::Task<base::Result<BodyPiece>> Read() override { co_return std::move(*TryRead()); }

 private:
  base::Slice data_;
};

bool IsGrpc(const RequestHead* request) {
  if (request == nullptr) return false;
  const auto type = request->headers.Get("content-type");
  return type && type->starts_with("application/grpc") &&
         (type->size() == 16 || (*type)[16] == '+' || (*type)[16] == ';');
}

}  // namespace

Reply ReplyFor(FailureKind kind) {
  switch (kind) {
    case FailureKind::kMalformedRequest: return {400, kInternal, "DPE", true};
    case FailureKind::kHeadersTooLarge: return {431, kResourceExhausted, "DPE", true};
    case FailureKind::kRequestBodyTooLarge: return {413, kResourceExhausted, "DPE", true};
    case FailureKind::kUnsupportedProtocol: return {505, kInternal, "DPE", true};
    case FailureKind::kDownstreamClosed: return {0, kCancelled, "DC", true};
    case FailureKind::kDownstreamIdle: return {0, kCancelled, "DC", true};
    case FailureKind::kRequestHeaderTimeout: return {408, kDeadlineExceeded, "DT", true};
    case FailureKind::kRequestTimeout: return {408, kDeadlineExceeded, "DT", true};
    case FailureKind::kHttp10Refused: return {426, kInternal, "", true};
    case FailureKind::kNoRoute: return {404, kUnimplemented, "NR", false};
    case FailureKind::kNoFilterChain: return {0, kUnavailable, "NR", true};
    case FailureKind::kHiddenName: return {0, kPermissionDenied, "NR", true};
    case FailureKind::kProxyHeader: return {0, kInternal, "DPE", true};
    case FailureKind::kUnknownDestination: return {0, kUnavailable, "NR", true};
    case FailureKind::kNoCluster: return {503, kUnavailable, "NC", false};
    case FailureKind::kNoHealthyEndpoint: return {503, kUnavailable, "UH", false};
    case FailureKind::kNotAuthorized: return {403, kPermissionDenied, "UAEX", false};
    case FailureKind::kOverflow: return {503, kUnavailable, "UO", false};
    case FailureKind::kNoConfig: return {503, kUnavailable, "NR", true};
    case FailureKind::kDraining: return {503, kUnavailable, "", true};
    case FailureKind::kUpgradeRefused: return {403, kPermissionDenied, "", false};
    case FailureKind::kLoop: return {508, kInternal, "", true};
    case FailureKind::kOutOfResources: return {503, kResourceExhausted, "OM", false};
    case FailureKind::kConnectRefused: return {503, kUnavailable, "UF", false};
    case FailureKind::kConnectFailed: return {503, kUnavailable, "UF", false};
    case FailureKind::kConnectTimeout: return {503, kUnavailable, "UF", false};
    case FailureKind::kUpstreamTls: return {503, kUnavailable, "UF", false};
    case FailureKind::kUpstreamClosed: return {503, kUnavailable, "UC", false};
    case FailureKind::kUpstreamReset: return {503, kUnavailable, "UC", false};
    case FailureKind::kUpstreamProtocol: return {502, kUnavailable, "UPE", false};
    case FailureKind::kUpstreamTimeout: return {504, kDeadlineExceeded, "UT", false};
    case FailureKind::kTryTimeout: return {504, kDeadlineExceeded, "UT", false};
    case FailureKind::kDownstreamTls: return {0, kUnavailable, "", true};
    case FailureKind::kDownstreamCertificate: return {0, kPermissionDenied, "", true};
    case FailureKind::kIoError: return {503, kUnavailable, "", true};
    case FailureKind::kTimeout: return {504, kDeadlineExceeded, "", false};
    case FailureKind::kCancelled: return {0, kCancelled, "DC", true};
    case FailureKind::kInternal: return {500, kInternal, "", true};
  }
  return {500, kUnknown, "", true};
}

Response MakeReply(const base::Failure& failure, const RequestHead* request, int no_cluster_status) {
  Reply reply = ReplyFor(failure.kind);
  if (failure.kind == FailureKind::kNoCluster) reply.status = no_cluster_status;
  const std::string_view word = base::Name(failure.kind);
  Response response;
  response.head = std::make_unique<Response::PooledHead>();
  ResponseHead& head = *response.head;
  head.keep_alive = !reply.close;
  head.headers.AddView(kReasonHeader, word);
  if (IsGrpc(request)) {  // trailers-only: the status in the head, no body
    head.status = 200;
    head.headers.AddView("content-type", "application/grpc");
    head.headers.Add("grpc-status", std::to_string(reply.grpc_status));
    head.headers.AddView("grpc-message", word);
    head.has_content_length = true;
    return response;
  }
  head.status = reply.status == 0 ? 503 : reply.status;
  head.reason = ReasonPhrase(head.status);
  head.headers.AddView("content-type", "text/plain");
  std::string text(word);
  text += '\n';
  head.content_length = text.size();
  head.has_content_length = true;
  if (request != nullptr && request->is_head()) return response;
  head.framing = Framing::kLength;
  response.body = MakeTextBody(text);
  return response;
}

BodyPtr MakeTextBody(std::string_view text) { return std::make_unique<TextBody>(text); }

std::string_view ReasonPhrase(int status) {
  switch (status) {
    case 100: return "Continue";
    case 101: return "Switching Protocols";
    case 103: return "Early Hints";
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 203: return "Non-Authoritative Information";
    case 204: return "No Content";
    case 205: return "Reset Content";
    case 206: return "Partial Content";
    case 300: return "Multiple Choices";
    case 301: return "Moved Permanently";
    case 302: return "Found";
    case 303: return "See Other";
    case 304: return "Not Modified";
    case 307: return "Temporary Redirect";
    case 308: return "Permanent Redirect";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 402: return "Payment Required";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 406: return "Not Acceptable";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 410: return "Gone";
    case 411: return "Length Required";
    case 412: return "Precondition Failed";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 415: return "Unsupported Media Type";
    case 416: return "Range Not Satisfiable";
    case 417: return "Expectation Failed";
    case 418: return "I'm a teapot";
    case 421: return "Misdirected Request";
    case 422: return "Unprocessable Content";
    case 425: return "Too Early";
    case 426: return "Upgrade Required";
    case 428: return "Precondition Required";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 451: return "Unavailable For Legal Reasons";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 505: return "HTTP Version Not Supported";
    case 507: return "Insufficient Storage";
    case 508: return "Loop Detected";
    case 511: return "Network Authentication Required";
    default: return "";
  }
}

}  // namespace weft::http
