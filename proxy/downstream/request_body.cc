#include "proxy/downstream/request_body.h"

#include <string_view>
#include <utility>

namespace weft::downstream {
namespace {

using base::Failure;
using base::FailureKind;
using base::Result;
using codec::h1::Event;
using http::BodyPiece;

Failure DownstreamFailure(Failure failure) {
  failure.origin = base::Origin::kDownstream;
  failure.phase = base::Phase::kBody;
  if (failure.kind == FailureKind::kIoError) failure.kind = FailureKind::kDownstreamClosed;
  return failure;
}

}  // namespace

bool RequestBody::SendContinue() {
  static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
  owes_continue_ = false;
  // A connection whose send buffer has no room for these few bytes does without: the client goes on after a while by
  // itself (RFC 9110 section 10.1.1).
  const net::IoResult put = feed_.stream().TryWrite(kContinue.data(), kContinue.size());
  return put.state == net::IoState::kWouldBlock || (put.state == net::IoState::kOk && put.bytes == kContinue.size());
}

std::optional<Result<BodyPiece>> RequestBody::TryRead() {
  if (unread_) return Result<BodyPiece>(*std::exchange(unread_, std::nullopt));
  WEFT_CHECK(!ended_);
  untouched_ = false;
  if (owes_continue_ && !SendContinue()) {
    return Result<BodyPiece>(DownstreamFailure(Failure{FailureKind::kIoError, {}, {}, {}, "100 Continue"}));
  }
  auto fed = feed_.TryNext();
  if (!fed) return std::nullopt;
  if (!fed->ok()) return Result<BodyPiece>(DownstreamFailure(std::move(fed->failure())));
  context_.Moved();
  BodyPiece piece;
  piece.data = std::move((*fed)->body);
  if ((*fed)->event == Event::kEnd || (*fed)->last) {
    ended_ = piece.end = true;
    piece.trailers = &head_.trailers;
    context_.RequestComplete();
  }
  return Result<BodyPiece>(std::move(piece));
}

runtime::Task<Result<BodyPiece>> RequestBody::Read() {
  for (;;) {
    if (auto piece = TryRead()) co_return std::move(*piece);
    co_await feed_.stream().Readable();
  }
}

void RequestBody::Unread(BodyPiece piece) {
  WEFT_CHECK(!unread_);
  unread_ = std::move(piece);
  untouched_ = true;
}

void RequestDeadline::OnTimer() {
  if (body_.ended()) return;
  context_.body_failure = Failure{FailureKind::kRequestTimeout, base::Origin::kDownstream, base::Phase::kBody,
                                  base::RetrySafety::kNever, "the request did not end in time"};
  context_.body_failed = true;
  context_.client_gone.Cancel();
}

std::optional<Result<BodyPiece>> RawBody::TryRead() {
  untouched_ = false;
  auto raw = feed_.TryRaw();
  if (!raw) return std::nullopt;
  if (!raw->ok()) return Result<BodyPiece>(DownstreamFailure(std::move(raw->failure())));
  context_.Moved();
  BodyPiece piece;
  piece.data = std::move(raw->value());
  piece.end = piece.data.size == 0;
  return Result<BodyPiece>(std::move(piece));
}

runtime::Task<Result<BodyPiece>> RawBody::Read() {
  for (;;) {
    if (auto piece = TryRead()) co_return std::move(*piece);
    co_await feed_.stream().Readable();
  }
}

}  // namespace weft::downstream
