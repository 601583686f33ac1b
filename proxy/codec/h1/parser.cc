#include "proxy/codec/h1/parser.h"

#include <array>
#include <string_view>

#include "proxy/base/check.h"
#include "proxy/base/parse_number.h"

namespace weft::codec::h1 {
namespace {

using base::FailureKind;
using http::EqualsIgnoreCase;

std::string_view Trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Calls `use` for each member of a comma-separated list.
template <class F>
void ForEachToken(std::string_view list, F use) {
  for (;;) {
    const size_t comma = list.find(',');
    if (const std::string_view token = Trim(list.substr(0, comma)); !token.empty()) use(token);
    if (comma == std::string_view::npos) return;
    list.remove_prefix(comma + 1);
  }
}

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

Parser::Parser(llhttp_type_t type, const Limits& limits) : limits_(limits) {
  llhttp_init(&llhttp_, type, &Settings());
  llhttp_.data = this;
}

const llhttp_settings_t& Parser::Settings() {
  static const llhttp_settings_t settings = [] {
    llhttp_settings_t s;
    llhttp_settings_init(&s);
    s.on_url = &AtUrl;
    s.on_status = &AtStatus;
    s.on_header_field = &AtFieldName;
    s.on_header_value = &AtFieldValue;
    s.on_header_value_complete = &AtFieldEnd;
    s.on_headers_complete = &AtHeadersComplete;
    s.on_body = &AtBody;
    s.on_message_complete = &AtMessageComplete;
    return s;
  }();
  return settings;
}

void Parser::BeginMessage(base::Arena* arena, http::Headers* headers, http::Headers* trailers) {
  llhttp_reset(&llhttp_);
  arena_ = arena;
  headers_ = headers;
  trailers_ = trailers;
  connection_ = Connection();
  state_ = State::kIdle;
  head_bytes_ = trailer_bytes_ = 0;
  name_ = value_ = {};
  by_length_ = none_ = false;
}

bool Parser::Refuse(FailureKind kind, std::string detail) {
  failure_ = base::Failure();
  failure_.kind = kind;
  failure_.origin = llhttp_.type == HTTP_REQUEST ? base::Origin::kDownstream : base::Origin::kUpstream;
  failure_.phase = llhttp_.type == HTTP_REQUEST ? base::Phase::kRequestHead : base::Phase::kResponse;
  failure_.detail = std::move(detail);
  state_ = State::kFailed;
  return false;
}

Step Parser::Failed(size_t consumed, FailureKind kind, std::string detail) {
  Refuse(kind, std::move(detail));
  return {Event::kError, consumed, {}, false};
}

Step Parser::Parse(std::string_view bytes) {
  if (state_ == State::kComplete) return {Event::kEnd, 0, {}, false};
  if (state_ == State::kFailed) return {Event::kError, 0, {}, false};
  if (bytes.empty()) return {Event::kNeedMore, 0, {}, false};
  if (state_ == State::kIdle) state_ = State::kHead;
  pending_ = Event::kNeedMore;
  const llhttp_errno_t error = llhttp_execute(&llhttp_, bytes.data(), bytes.size());
  const FailureKind bad =
      llhttp_.type == HTTP_REQUEST ? FailureKind::kMalformedRequest : FailureKind::kUpstreamProtocol;
  if (error == HPE_OK) {
    if (state_ == State::kHead) {
      head_bytes_ += bytes.size();
      if (head_bytes_ > limits_.max_head_bytes) {
        return Failed(bytes.size(), FailureKind::kHeadersTooLarge,
                      "head longer than " + std::to_string(limits_.max_head_bytes) + " bytes");
      }
    }
    return {Event::kNeedMore, bytes.size(), {}, false};
  }
  const size_t consumed = static_cast<size_t>(llhttp_get_error_pos(&llhttp_) - bytes.data());
  if (error != HPE_PAUSED) {
    if (state_ == State::kFailed) return {Event::kError, consumed, {}, false};  // a callback refused
    return Failed(consumed, bad, llhttp_get_error_reason(&llhttp_));
  }
  llhttp_resume(&llhttp_);
  if (pending_ == Event::kHead && head_bytes_ + consumed > limits_.max_head_bytes) {
    return Failed(consumed, FailureKind::kHeadersTooLarge,
                  "head longer than " + std::to_string(limits_.max_head_bytes) + " bytes");
  }
  return {pending_, consumed, pending_ == Event::kBody ? body_ : std::string_view(), state_ == State::kComplete};
}

Step Parser::Finish() {
  if (state_ == State::kIdle) return {Event::kNeedMore, 0, {}, false};
  if (state_ == State::kComplete) return {Event::kEnd, 0, {}, false};
  if (state_ == State::kContent) {
    const llhttp_errno_t error = llhttp_finish(&llhttp_);
    // on_message_complete pauses, which llhttp_finish reports as an error of the callback.
    if (error == HPE_OK || state_ == State::kComplete) {
      state_ = State::kComplete;
      return {Event::kEnd, 0, {}, false};
    }
  }
  return Failed(0, llhttp_.type == HTTP_REQUEST ? FailureKind::kDownstreamClosed : FailureKind::kUpstreamReset,
                "the peer finished in the middle of a message");
}

int Parser::AtUrl(llhttp_t* llhttp, const char* at, size_t size) {
  Self(llhttp).OnUrl({at, size});
  return HPE_OK;
}

int Parser::AtStatus(llhttp_t* llhttp, const char* at, size_t size) {
  Self(llhttp).OnReason({at, size});
  return HPE_OK;
}

// Trailers are held like a head, so they have its limits: while they come, not only when one has ended.
bool Parser::CountTrailerBytes(size_t more) {
  trailer_bytes_ += more;
  return trailer_bytes_ <= limits_.max_head_bytes ||
         Refuse(FailureKind::kHeadersTooLarge,
                "trailers longer than " + std::to_string(limits_.max_head_bytes) + " bytes");
}

int Parser::AtFieldName(llhttp_t* llhttp, const char* at, size_t size) {
  Parser& self = Self(llhttp);
  if (!self.TrailersFit(size)) return HPE_USER;
  self.name_ = self.name_.empty() ? self.arena_->Copy({at, size}) : self.arena_->Extend(self.name_, {at, size});
  return HPE_OK;
}

int Parser::AtFieldValue(llhttp_t* llhttp, const char* at, size_t size) {
  Parser& self = Self(llhttp);
  if (!self.TrailersFit(size)) return HPE_USER;
  self.value_ = self.value_.empty() ? self.arena_->Copy({at, size}) : self.arena_->Extend(self.value_, {at, size});
  return HPE_OK;
}

int Parser::AtFieldEnd(llhttp_t* llhttp) {
  Parser& self = Self(llhttp);
  const std::string_view name = std::exchange(self.name_, {});
  const std::string_view value = Trim(std::exchange(self.value_, {}));
  if (self.state_ == State::kContent) {  // a trailer section
    if (self.trailers_->size() >= self.limits_.max_headers) {
      return self.Refuse(FailureKind::kHeadersTooLarge, "too many trailers") ? HPE_OK : HPE_USER;
    }
    self.trailers_->AddView(name, value);
    return HPE_OK;
  }
  if (self.TakeConnectionField(name, value)) return HPE_OK;
  if (self.headers_->size() >= self.limits_.max_headers) {
    self.Refuse(FailureKind::kHeadersTooLarge,
                "more than " + std::to_string(self.limits_.max_headers) + " header fields");
    return HPE_USER;
  }
  self.headers_->AddView(name, value);
  return HPE_OK;
}

bool Parser::TakeConnectionField(std::string_view name, std::string_view value) {
  Connection& c = connection_;
  switch (name.size()) {
    case 2:
      if (!EqualsIgnoreCase(name, "te")) return false;
      c.te_trailers = c.te_trailers || http::ListContains(value, "trailers");
      return true;
    case 4:
      if (llhttp_.type != HTTP_REQUEST || !EqualsIgnoreCase(name, "host")) return false;
      if (c.hosts < 2) ++c.hosts;
      c.host = value;
      return true;
    case 6:
      if (llhttp_.type != HTTP_REQUEST || !EqualsIgnoreCase(name, "expect")) return false;
      c.expect = true;
      c.expect_continue = EqualsIgnoreCase(value, "100-continue");
      return true;
    case 7:
      if (!EqualsIgnoreCase(name, "upgrade")) return false;
      c.upgrade_to = value;
      return true;
    case 10:
      if (EqualsIgnoreCase(name, "connection")) {
        ForEachToken(value, [&](std::string_view token) {
          if (EqualsIgnoreCase(token, "close")) {
            c.close = true;
          } else if (EqualsIgnoreCase(token, "keep-alive")) {
            c.keep_alive = true;
          } else if (EqualsIgnoreCase(token, "upgrade")) {
            c.upgrade = true;
          } else {
            c.names_fields = true;
          }
        });
        // Kept until the end of the head when it names fields that come later.
        if (c.names_fields) headers_->AddView(name, value);
        return true;
      }
      if (!EqualsIgnoreCase(name, "keep-alive")) return false;
      ForEachToken(value, [&](std::string_view token) {
        if (token.size() > 8 && EqualsIgnoreCase(token.substr(0, 8), "timeout=")) {
          c.keep_alive_timeout = base::ParseNumber<int>(token.substr(8)).value_or(-1);
        }
      });
      return true;
    case 14: return EqualsIgnoreCase(name, "content-length");
    case 16: return EqualsIgnoreCase(name, "proxy-connection");
    case 17:
      if (!EqualsIgnoreCase(name, "transfer-encoding")) return false;
      if (c.transfer_encodings < 2) ++c.transfer_encodings;
      c.transfer_encoding = value;
      return true;
    default: return false;
  }
}

void Parser::DropFieldsNamedByConnection() {
  if (!connection_.names_fields) return;
  for (size_t i = 0; i < headers_->size();) {
    if (!EqualsIgnoreCase((*headers_)[i].name, "connection")) {
      ++i;
      continue;
    }
    const std::string_view list = (*headers_)[i].value;
    headers_->RemoveAt(i);
    ForEachToken(list, [&](std::string_view token) { headers_->Remove(token); });
    i = 0;
  }
}

int Parser::AtHeadersComplete(llhttp_t* llhttp) {
  Parser& self = Self(llhttp);
  llhttp->upgrade = 0;  // tunnels are the connection driver's business
  self.DropFieldsNamedByConnection();
  self.state_ = State::kContent;
  if (!self.OnHead()) return HPE_USER;
  if (self.none_) self.state_ = State::kComplete;
  self.pending_ = Event::kHead;
  return HPE_PAUSED;
}

int Parser::AtBody(llhttp_t* llhttp, const char* at, size_t size) {
  Parser& self = Self(llhttp);
  self.body_ = {at, size};
  self.pending_ = Event::kBody;
  if (self.by_length_ && (self.remaining_ -= size) == 0) self.state_ = State::kComplete;
  return HPE_PAUSED;
}

int Parser::AtMessageComplete(llhttp_t* llhttp) {
  Parser& self = Self(llhttp);
  self.state_ = State::kComplete;
  self.pending_ = Event::kEnd;
  return HPE_PAUSED;
}

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
