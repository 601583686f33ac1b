// What llhttp leaves to say about a response's head: status, framing, what ends its connection.
#include <string_view>

#include "proxy/codec/h1/parser.h"

namespace weft::codec::h1 {
namespace {

using base::FailureKind;
using http::EqualsIgnoreCase;

}  // namespace

void ResponseParser::Begin(http::ResponseHead* head, std::string_view request_method) {
  head_ = head;
  to_head_ = request_method == "HEAD";
  to_connect_ = request_method == "CONNECT";
  BeginMessage(&head->arena, &head->headers, &head->trailers);
}

void ResponseParser::OnReason(std::string_view piece) {
  head_->reason = head_->reason.empty() ? arena_->Copy(piece) : arena_->Extend(head_->reason, piece);
}

bool ResponseParser::OnHead() {
  http::ResponseHead& head = *head_;
  const Connection& c = connection_;
  head.status = llhttp_.status_code;
  if (head.status < 100 || head.status > 999) return Refuse(FailureKind::kUpstreamProtocol, "status out of range");
  if (llhttp_.http_major != 1) return Refuse(FailureKind::kUpstreamProtocol, "HTTP version is not 1.x");
  head.version = llhttp_.http_minor == 0 ? http::Version::kHttp10 : http::Version::kHttp11;
  head.keep_alive = head.version == http::Version::kHttp11 ? !c.close : c.keep_alive && !c.close;
  head.keep_alive_timeout_seconds = c.keep_alive_timeout;
  head.has_content_length = (llhttp_.flags & F_CONTENT_LENGTH) != 0;
  head.content_length = head.has_content_length ? llhttp_.content_length : 0;
  if (head.status == 101) head.upgrade = c.upgrade_to;
  if (head.status < 200 || head.status == 204 || head.status == 304 || to_head_ || (to_connect_ && head.status < 300)) {
    head.framing = http::Framing::kNone;
  } else if (c.transfer_encodings > 0) {
    if (c.transfer_encodings > 1 || !EqualsIgnoreCase(c.transfer_encoding, "chunked")) {
      return Refuse(FailureKind::kUpstreamProtocol, "transfer coding other than chunked");
    }
    head.framing = http::Framing::kChunked;
    head.has_content_length = false;
  } else if (head.has_content_length) {
    head.framing = head.content_length > 0 ? http::Framing::kLength : http::Framing::kNone;
  } else {
    head.framing = http::Framing::kUntilClose;
    head.keep_alive = false;
  }
  ExpectContent(head.framing, head.content_length);
  return true;
}

}  // namespace weft::codec::h1
