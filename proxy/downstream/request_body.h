// The content of a client's HTTP/1.1 request, read from its connection as it is pulled. Worker thread only.
#ifndef WEFT_PROXY_DOWNSTREAM_REQUEST_BODY_H_
#define WEFT_PROXY_DOWNSTREAM_REQUEST_BODY_H_

#include <optional>

#include "proxy/codec/h1/feed.h"
#include "proxy/http/body.h"
#include "proxy/http/context.h"
#include "proxy/http/message.h"

namespace weft::downstream {

class RequestBody final : public http::Body {
 public:
  RequestBody(codec::h1::Feed& feed, const http::RequestHead& head, http::Context& context)
      : feed_(feed), head_(head), context_(context), owes_continue_(head.expect_continue) {}

  std::optional<base::Result<http::BodyPiece>> TryRead() override;
  runtime::Task<base::Result<http::BodyPiece>> Read() override;
  bool untouched() const override { return untouched_; }
  void Unread(http::BodyPiece piece) override;

  bool ended() const { return ended_; }
  // The final response has begun: no 100 Continue after it.
  void FinalResponseBegins() { owes_continue_ = false; }
  // True while the client waits for a 100 Continue that it never got: it will not send its content.
  bool owes_continue() const { return owes_continue_; }

 private:
  bool SendContinue();

  codec::h1::Feed& feed_;
  const http::RequestHead& head_;
  http::Context& context_;
  bool owes_continue_;
  bool untouched_ = true;
  bool ended_ = false;
  std::optional<http::BodyPiece> unread_;
};

// HttpConnectionManager.request_timeout: a client whose request is not complete by then, and not answered yet, is told
// so. The stages that wait end by client_gone.
class RequestDeadline final : private runtime::Timer {
 public:
  RequestDeadline(http::Context& context, const RequestBody& body, runtime::TimePoint deadline)
      : context_(context), body_(body) {
    context.reactor.timers().Arm(this, deadline);
  }

 private:
  void OnTimer() override;
  http::Context& context_;
  const RequestBody& body_;
};

// After an upgrade: the client's raw bytes.
class RawBody final : public http::Body {
 public:
  RawBody(codec::h1::Feed& feed, http::Context& context) : feed_(feed), context_(context) {}
  std::optional<base::Result<http::BodyPiece>> TryRead() override;
  runtime::Task<base::Result<http::BodyPiece>> Read() override;
  bool untouched() const override { return untouched_; }

 private:
  codec::h1::Feed& feed_;
  http::Context& context_;
  bool untouched_ = true;
};

}  // namespace weft::downstream

#endif  // WEFT_PROXY_DOWNSTREAM_REQUEST_BODY_H_
