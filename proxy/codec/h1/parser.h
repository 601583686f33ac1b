// HTTP/1 parsers: bytes in, message events out. No sockets, no clock. llhttp (strict) reads the syntax; this file adds
// what a proxy must know: one meaning per message (RFC 9112 sections 3, 6), framing and connection fields taken out of
// the headers, limits with names. One thread; one message at a time: Begin(), then Parse() until kEnd.
#ifndef WEFT_PROXY_CODEC_H1_PARSER_H_
#define WEFT_PROXY_CODEC_H1_PARSER_H_

#include <llhttp.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "proxy/base/failure.h"
#include "proxy/http/message.h"

namespace weft::codec::h1 {

struct Limits {
  size_t max_head_bytes = 60 * 1024;  // request or status line and all fields
  size_t max_headers = 100;
};

enum class Event : uint8_t {
  kNeedMore,  // everything was consumed
  kHead,      // the head is complete; complete() tells whether the message is, too
  kBody,      // `body` is a piece of the content, a view into what was given to Parse()
  kEnd,       // the message is complete; trailers() may have fields
  kError,     // failure() says why; the connection cannot go on
};

struct Step {
  Event event = Event::kNeedMore;
  size_t consumed = 0;    // bytes of the input that are done with
  std::string_view body;  // with kBody
  bool last = false;      // with kBody: the message is complete with this piece; no kEnd follows
};

// What both directions share. Not used directly.
class Parser {
 public:
  Parser(const Parser&) = delete;
  Parser& operator=(const Parser&) = delete;

  // Goes on with `bytes`; stops at the first event.
  Step Parse(std::string_view bytes);
  // The peer has finished sending. kEnd when that ends the message properly (close-delimited), kNeedMore when no
  // message had begun, kError for a truncated one.
  Step Finish();

  void set_limits(const Limits& limits) { limits_ = limits; }
  bool begun() const { return state_ != State::kIdle; }  // some byte of the message was seen
  bool head_complete() const { return state_ == State::kContent || state_ == State::kComplete; }
  bool complete() const { return state_ == State::kComplete; }
  const base::Failure& failure() const { return failure_; }
  const http::Headers& trailers() const { return *trailers_; }

 protected:
  Parser(llhttp_type_t type, const Limits& limits);
  ~Parser() = default;

  void BeginMessage(base::Arena* arena, http::Headers* headers, http::Headers* trailers);
  // Called at the end of the head; false with failure_ set refuses the message.
  virtual bool OnHead() = 0;
  virtual void OnUrl(std::string_view) {}
  virtual void OnReason(std::string_view) {}

  bool Refuse(base::FailureKind kind, std::string detail);
  // Called by OnHead(): what follows the head.
  void ExpectContent(http::Framing framing, uint64_t length) {
    by_length_ = framing == http::Framing::kLength;
    none_ = framing == http::Framing::kNone;
    remaining_ = length;
  }

  // Collected while the head comes in: what the framing and connection fields said.
  struct Connection {
    uint8_t hosts = 0;
    std::string_view host;
    bool close = false, keep_alive = false, upgrade = false;
    bool names_fields = false;  // Connection named other fields: they go too
    std::string_view upgrade_to;
    std::string_view transfer_encoding;
    uint8_t transfer_encodings = 0;
    bool expect = false, expect_continue = false;
    bool te_trailers = false;
    int keep_alive_timeout = -1;
  };

  llhttp_t llhttp_;
  Limits limits_;
  base::Arena* arena_ = nullptr;
  http::Headers* headers_ = nullptr;
  http::Headers* trailers_ = nullptr;
  Connection connection_;
  base::Failure failure_;

 private:
  enum class State : uint8_t { kIdle, kHead, kContent, kComplete, kFailed };

  static const llhttp_settings_t& Settings();
  static Parser& Self(llhttp_t* llhttp) { return *static_cast<Parser*>(llhttp->data); }
  static int AtUrl(llhttp_t* llhttp, const char* at, size_t size);
  static int AtStatus(llhttp_t* llhttp, const char* at, size_t size);
  static int AtFieldName(llhttp_t* llhttp, const char* at, size_t size);
  static int AtFieldValue(llhttp_t* llhttp, const char* at, size_t size);
  static int AtFieldEnd(llhttp_t* llhttp);
  static int AtHeadersComplete(llhttp_t* llhttp);
  static int AtBody(llhttp_t* llhttp, const char* at, size_t size);
  static int AtMessageComplete(llhttp_t* llhttp);

  // Takes framing and connection fields; false: it is an ordinary field.
  bool TakeConnectionField(std::string_view name, std::string_view value);
  void DropFieldsNamedByConnection();
  // Counts bytes of the trailer section; false with failure_ set when they are too many.
  bool TrailersFit(size_t more) { return state_ != State::kContent || CountTrailerBytes(more); }
  bool CountTrailerBytes(size_t more);
  Step Failed(size_t consumed, base::FailureKind kind, std::string detail);

  State state_ = State::kIdle;
  Event pending_ = Event::kNeedMore;
  std::string_view body_;
  std::string_view name_, value_;
  size_t head_bytes_ = 0;
  size_t trailer_bytes_ = 0;
  bool by_length_ = false, none_ = false;
  uint64_t remaining_ = 0;  // of the content, with by_length_
};

class RequestParser final : public Parser {
 public:
  explicit RequestParser(const Limits& limits = {}) : Parser(HTTP_REQUEST, limits) {}
  // Starts the next message; `head` is empty and lives until the message ends.
  void Begin(http::RequestHead* head);

 private:
  bool OnHead() override;
  void OnUrl(std::string_view piece) override;
  bool ParseTarget();
  bool TakeFraming();

  http::RequestHead* head_ = nullptr;
  std::string_view target_;
};

class ResponseParser final : public Parser {
 public:
  explicit ResponseParser(const Limits& limits = {}) : Parser(HTTP_RESPONSE, limits) {}
  // `request_method` of the request that this answers: HEAD and CONNECT change the framing (RFC 9112 section 6.3).
  void Begin(http::ResponseHead* head, std::string_view request_method);

 private:
  bool OnHead() override;
  void OnReason(std::string_view piece) override;

  http::ResponseHead* head_ = nullptr;
  bool to_head_ = false;
  bool to_connect_ = false;
};

}  // namespace weft::codec::h1

#endif  // WEFT_PROXY_CODEC_H1_PARSER_H_
