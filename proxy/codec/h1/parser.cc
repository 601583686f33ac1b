#include "proxy/codec/h1/parser.h"

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

}  // namespace weft::codec::h1
