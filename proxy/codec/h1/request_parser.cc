// What llhttp leaves to say about a request's head: version, authority, target, framing.
#include <array>
#include <string_view>

#include "proxy/codec/h1/parser.h"

namespace weft::codec::h1 {
namespace {

using base::FailureKind;
using http::EqualsIgnoreCase;

// host[:port] without anything that another parser could read differently (RFC 3986 section 3.2, no userinfo).
constexpr auto kInAuthority = [] {
  std::array<bool, 256> allowed{};
  for (int c = 0x21; c < 0x7f; ++c) {
    allowed[static_cast<size_t>(c)] =
        std::string_view("/?#@\\\"<>^`{|},").find(static_cast<char>(c)) == std::string_view::npos;
  }
  return allowed;
}();

bool IsAuthority(std::string_view text) {
  for (const char c : text) {
    if (!kInAuthority[static_cast<unsigned char>(c)]) return false;
  }
  return true;
}

}  // namespace

void RequestParser::Begin(http::RequestHead* head) {
  head_ = head;
  target_ = {};
  BeginMessage(&head->arena, &head->headers, &head->trailers);
}

void RequestParser::OnUrl(std::string_view piece) {
  target_ = target_.empty() ? arena_->Copy(piece) : arena_->Extend(target_, piece);
}

bool RequestParser::OnHead() {
  http::RequestHead& head = *head_;
  head.method = llhttp_method_name(static_cast<llhttp_method_t>(llhttp_.method));
  if (llhttp_.http_major == 0) return Refuse(FailureKind::kMalformedRequest, "the request line has no version");
  if (llhttp_.http_major != 1 || llhttp_.http_minor > 1) {
    return Refuse(FailureKind::kUnsupportedProtocol, "HTTP version is not 1.0 or 1.1");
  }
  head.version = llhttp_.http_minor == 0 ? http::Version::kHttp10 : http::Version::kHttp11;
  const Connection& c = connection_;
  if (c.hosts > 1) return Refuse(FailureKind::kMalformedRequest, "several Host fields");
  if (c.hosts == 0 && head.version == http::Version::kHttp11) {
    return Refuse(FailureKind::kMalformedRequest, "no Host field");  // RFC 9112 section 3.2
  }
  if (!IsAuthority(c.host)) return Refuse(FailureKind::kMalformedRequest, "Host is not host[:port]");
  head.authority = c.host;
  if (!ParseTarget() || !TakeFraming()) return false;
  head.keep_alive = head.version == http::Version::kHttp11 ? !c.close : c.keep_alive && !c.close;
  if (c.expect && !c.expect_continue) return Refuse(FailureKind::kMalformedRequest, "unknown Expect");
  head.expect_continue =
      c.expect_continue && head.version == http::Version::kHttp11 && head.framing != http::Framing::kNone;
  head.accepts_trailers = c.te_trailers;
  // h2c is only an offer, which RFC 9113 section 3.1 has withdrawn: the request stands as it is. So does one with
  // content: what follows the head must be the content for both sides, whether or not the upstream switches (RFC 9110
  // section 7.8 lets us).
  if (c.upgrade && head.version == http::Version::kHttp11 && head.framing == http::Framing::kNone &&
      !EqualsIgnoreCase(c.upgrade_to, "h2c")) {
    head.upgrade = c.upgrade_to;
  }
  ExpectContent(head.framing, head.content_length);
  return true;
}

// RFC 9112 section 3.2: origin, absolute, authority and asterisk form.
bool RequestParser::ParseTarget() {
  http::RequestHead& head = *head_;
  if (head.is_connect()) {
    if (target_.empty() || !IsAuthority(target_))
      return Refuse(FailureKind::kMalformedRequest, "CONNECT without host:port");
    head.authority = target_;
    return true;
  }
  for (const char c : target_) {
    if (const auto u = static_cast<unsigned char>(c); u <= 0x20 || u == 0x7f || c == '#') {
      return Refuse(FailureKind::kMalformedRequest, "forbidden byte in the request target");
    }
  }
  if (target_.starts_with('/') || target_ == "*") {
    head.path = target_;
    return true;
  }
  const size_t colon = target_.find("://");
  if (colon == std::string_view::npos) return Refuse(FailureKind::kMalformedRequest, "unreadable request target");
  const std::string_view scheme = target_.substr(0, colon);
  if (!EqualsIgnoreCase(scheme, "http") && !EqualsIgnoreCase(scheme, "https")) {
    return Refuse(FailureKind::kMalformedRequest, "scheme of the request target is not http or https");
  }
  const std::string_view rest = target_.substr(colon + 3);
  const size_t slash = rest.find_first_of("/?");
  const std::string_view authority = rest.substr(0, slash);
  if (authority.empty() || !IsAuthority(authority)) {
    return Refuse(FailureKind::kMalformedRequest, "authority of the request target is not host[:port]");
  }
  head.authority = authority;  // wins over Host (RFC 9112 section 3.2.2)
  head.scheme = EqualsIgnoreCase(scheme, "https") ? "https" : "http";
  if (slash == std::string_view::npos) {
    head.path = "/";
  } else if (rest[slash] == '?') {
    head.path = arena_->Concat("/", rest.substr(slash));
  } else {
    head.path = rest.substr(slash);
  }
  return true;
}

bool RequestParser::TakeFraming() {
  http::RequestHead& head = *head_;
  const Connection& c = connection_;
  if (head.is_connect() && c.transfer_encodings > 0) {
    return Refuse(FailureKind::kMalformedRequest, "CONNECT with content");
  }
  if (c.transfer_encodings > 0) {
    // Only chunked, only once: anything else could be read in two ways (RFC 9112 section 6.1).
    if (c.transfer_encodings > 1 || !EqualsIgnoreCase(c.transfer_encoding, "chunked")) {
      return Refuse(FailureKind::kMalformedRequest, "transfer coding other than chunked");
    }
    if (head.version == http::Version::kHttp10) {
      return Refuse(FailureKind::kMalformedRequest, "Transfer-Encoding in HTTP/1.0");
    }
    head.framing = http::Framing::kChunked;
    return true;
  }
  if ((llhttp_.flags & F_CONTENT_LENGTH) != 0 && llhttp_.content_length > 0) {
    head.framing = http::Framing::kLength;
    head.content_length = llhttp_.content_length;
  }
  if (head.is_connect() && head.framing != http::Framing::kNone) {
    return Refuse(FailureKind::kMalformedRequest, "CONNECT with content");
  }
  head.has_content_length = (llhttp_.flags & F_CONTENT_LENGTH) != 0;
  return true;
}

}  // namespace weft::codec::h1
