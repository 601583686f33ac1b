#include "proxy/upstream/http1_upstream.h"

#include <optional>
#include <utility>

#include "proxy/codec/h1/writer.h"
#include "proxy/net/relay.h"
#include "proxy/runtime/scope.h"

namespace weft::upstream {
namespace {

using base::Failure;
using base::FailureKind;
using base::Result;
using base::RetrySafety;
using codec::h1::Event;
using codec::h1::Fed;
using http::BodyPiece;
using http::Framing;
using http::Response;

constexpr size_t kWriteBatch = 64 * 1024;  // content collected for one write
constexpr size_t kTurnBytes = 256 * 1024;  // of content, and
constexpr size_t kTurnInterims = 16;       // of interim responses, before the other connections have their turn

// The use of a connection by one try. Ends by Finish(), which gives the connection back, or by destruction, which
// closes it.
class Lease {
 public:
  explicit Lease(std::unique_ptr<Connection> connection)
      : connection_(std::move(connection)), pump_(connection_->pool().reactor()) {
    endpoint::EndpointState& endpoint = connection_->pool().endpoint();
    endpoint.active_requests.fetch_add(1);
    endpoint.requests.fetch_add(1);
    connection_->pool().cluster().active_requests.fetch_add(1);
  }
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;
  ~Lease() { End(); }

  Connection* operator->() { return connection_.get(); }
  Pool& pool() { return connection_->pool(); }
  // Sends the request's content while the response is awaited. It belongs to the try: it ends with the lease.
  runtime::Scope& pump() { return pump_; }
  bool request_sent = false;

  // The response is complete.
  void Finish(bool keep) {
    if (connection_ == nullptr) return;
    if (!keep || !request_sent) connection_->reusable = false;
    pump_.Cancel();
    CountEnd();
    Pool& pool = connection_->pool();
    pool.Return(std::move(connection_));
  }

  static void* operator new(size_t size) { return runtime::AllocateFrame(size); }
  static void operator delete(void* lease, size_t size) { runtime::FreeFrame(lease, size); }

 private:
  void End() {
    if (connection_ == nullptr) return;
    pump_.Cancel();
    CountEnd();
    connection_.reset();
  }
  void CountEnd() {
    connection_->pool().endpoint().active_requests.fetch_sub(1);
    connection_->pool().cluster().active_requests.fetch_sub(1);
  }

  std::unique_ptr<Connection> connection_;
  runtime::Scope pump_;
};

using LeasePtr = std::unique_ptr<Lease>;

Failure UpstreamFailure(FailureKind kind, base::Phase phase, RetrySafety retry, std::string detail) {
  return Failure{kind, base::Origin::kUpstream, phase, retry, std::move(detail)};
}

// The content of a response; at its end the connection goes back to the pool.
class ResponseBody final : public http::Body {
 public:
  ResponseBody(LeasePtr lease, bool keep_alive, http::Context& context)
      : lease_(std::move(lease)), keep_alive_(keep_alive), context_(context) {}

  std::optional<Result<BodyPiece>> TryRead() override {
    WEFT_CHECK(lease_ != nullptr);
    std::optional<Result<Fed>> fed = (*lease_)->feed().TryNext();
    if (!fed) return std::nullopt;
    return Convert(std::move(*fed));
  }
  runtime::Task<Result<BodyPiece>> Read() override {
    for (;;) {
      if (auto piece = TryRead()) co_return std::move(*piece);
      co_await (*lease_)->stream().Readable();
    }
  }

 private:
  Result<BodyPiece> Convert(Result<Fed> fed) {
    if (!fed.ok()) {
      lease_.reset();
      Failure& failure = fed.failure();
      failure.origin = base::Origin::kUpstream;
      failure.phase = base::Phase::kBody;
      if (failure.kind == FailureKind::kIoError) failure.kind = FailureKind::kUpstreamReset;
      if (failure.kind == FailureKind::kHeadersTooLarge) failure.kind = FailureKind::kUpstreamProtocol;
      return std::move(failure);
    }
    BodyPiece piece;
    piece.data = std::move(fed->body);
    context_.response_bytes += piece.data.size;
    if (fed->event == Event::kEnd || fed->last) {
      piece.end = true;
      piece.trailers = &(*lease_)->parser().trailers();
      context_.stamps.last_try.last_byte = context_.reactor.now();
      lease_->Finish(keep_alive_);
      lease_.reset();
    }
    return piece;
  }

  LeasePtr lease_;
  const bool keep_alive_;
  http::Context& context_;
};

// After a 101, or a 2xx to CONNECT: the raw bytes of the upstream.
class TunnelBody final : public http::Body {
 public:
  TunnelBody(LeasePtr lease, http::Context& context) : lease_(std::move(lease)), context_(context) {}

  std::optional<Result<BodyPiece>> TryRead() override {
    auto raw = (*lease_)->feed().TryRaw();
    if (!raw) return std::nullopt;
    if (!raw->ok()) {
      return UpstreamFailure(FailureKind::kUpstreamReset, base::Phase::kBody, RetrySafety::kNever,
                             raw->failure().detail);
    }
    BodyPiece piece;
    piece.data = std::move(raw->value());
    piece.end = piece.data.size == 0;
    context_.response_bytes += piece.data.size;
    return Result<BodyPiece>(std::move(piece));
  }
  runtime::Task<Result<BodyPiece>> Read() override {
    for (;;) {
      if (auto piece = TryRead()) co_return std::move(*piece);
      co_await (*lease_)->stream().Readable();
    }
  }

 private:
  LeasePtr lease_;
  http::Context& context_;
};

bool IsTunnel(const http::RequestHead& head) { return !head.upgrade.empty() || head.is_connect(); }

bool MayHaveContent(const http::RequestHead& head) {
  if (IsTunnel(head)) return false;
  return head.method != "GET" && head.method != "HEAD" && head.method != "DELETE" && head.method != "TRACE";
}

codec::h1::HeadOptions RequestOptions(const http::RequestHead& head, bool has_body) {
  codec::h1::HeadOptions options;
  if (has_body) options.framing = head.framing == Framing::kLength ? Framing::kLength : Framing::kChunked;
  options.content_length = head.content_length;
  // RFC 9110 section 8.6: "0" where the method could have content and there is none; some servers insist.
  options.write_content_length = head.has_content_length || (!has_body && MayHaveContent(head));
  options.upgrade = head.upgrade;
  options.te_trailers = head.accepts_trailers;
  return options;
}

void AppendPiece(BodyPiece piece, bool chunked, base::ByteChain* out) {
  if (!chunked) {
    out->Append(std::move(piece.data));
    return;
  }
  if (piece.data.size > 0) codec::h1::WriteChunk(std::move(piece.data), out);
  if (piece.end) codec::h1::WriteLastChunk(piece.trailers, out);
}

// The client's content turned out to be broken: the driver is told through client_gone.
void FailRequest(http::Context& context, Failure failure) {
  context.body_failure = std::move(failure);
  context.body_failed = true;
  context.client_gone.Cancel();
}

// Sends the rest of a request's content. Stops silently when the upstream takes no more: what it answered is still
// read.
runtime::Task<void> PumpRequest(Lease& lease, base::ByteChain first, http::Body* body, bool chunked,
                                http::Context& context) {
  base::ByteChain out = std::move(first);
  bool end = body == nullptr;
  runtime::TurnShare share(context.reactor, kTurnBytes);
  for (;;) {
    if (!end && share.Spend(out.size())) co_await runtime::NextTurn(context.reactor);
    if (!out.empty() && !co_await net::WriteAll(lease->stream(), std::move(out))) co_return;
    if (end) break;
    out.Clear();
    while (!end && out.size() < kWriteBatch) {
      std::optional<Result<BodyPiece>> piece = body->TryRead();
      if (!piece && !out.empty()) break;  // what is there goes out before we wait
      if (!piece) piece.emplace(co_await body->Read());
      if (!piece->ok()) {
        FailRequest(context, std::move(piece->failure()));
        co_return;
      }
      end = (*piece)->end;
      context.request_bytes += (*piece)->data.size;
      AppendPiece(std::move(piece->value()), chunked, &out);
    }
  }
  lease.request_sent = true;
  context.stamps.last_try.request_sent = context.reactor.now();
}

// After a 101: the client's raw bytes to the upstream, then FIN.
runtime::Task<void> PumpTunnel(Lease& lease, http::Body* body, http::Context& context) {
  runtime::TurnShare share(context.reactor, kTurnBytes);
  for (;;) {
    Result<BodyPiece> piece = co_await body->Read();
    if (!piece.ok()) {
      lease->stream().Reset();
      co_return;
    }
    base::ByteChain out;
    out.Append(std::move(piece->data));
    if (share.Spend(out.size())) co_await runtime::NextTurn(context.reactor);
    if (!out.empty() && !co_await net::WriteAll(lease->stream(), std::move(out))) co_return;
    if (piece->end) break;
  }
  lease->stream().ShutdownWrite();
}

// Writes the head with what is already there of the content, in one write; the rest goes by the pump. A connection that
// takes no byte at all gets the content back: nothing was sent.
std::optional<Failure> SendRequest(Lease& lease, http::Request request, http::Context& context) {
  http::Body* body = IsTunnel(request.head) ? nullptr : request.body;
  codec::h1::HeadOptions options = RequestOptions(request.head, body != nullptr);
  if (context.authority_of_endpoint) options.authority = lease.pool().endpoint().hostname;
  const bool chunked = options.framing == Framing::kChunked;
  base::ByteChain out;
  bool end = body == nullptr;
  std::optional<BodyPiece> pulled;
  if (auto piece = end ? std::nullopt : body->TryRead()) {
    if (!piece->ok()) {
      FailRequest(context, std::move(piece->failure()));
      return UpstreamFailure(FailureKind::kCancelled, base::Phase::kRequestSent, RetrySafety::kNever,
                             "client's content");
    }
    end = (*piece)->end;
    pulled = std::move(**piece);
    context.request_bytes += pulled->data.size;
  }
  const bool is_short = pulled && !chunked && pulled->data.size <= codec::h1::kShortContent;
  if (is_short) options.content = pulled->data.view();
  codec::h1::WriteRequestHead(request.head, options, &out);
  if (pulled && !is_short) AppendPiece(*pulled, chunked, &out);
  struct iovec pieces[16];
  const net::IoResult put = lease->stream().TryWrite(pieces, out.FillIovecs(pieces, 16));
  if (put.state == net::IoState::kError) {
    if (pulled) {
      context.request_bytes -= pulled->data.size;
      body->Unread(std::move(*pulled));
    }
    return UpstreamFailure(FailureKind::kUpstreamClosed, base::Phase::kRequestSent, RetrySafety::kNotSent,
                           lease->stream().ErrorText());
  }
  if (put.state == net::IoState::kOk) out.Consume(put.bytes);
  if (out.empty() && end) {
    lease.request_sent = true;
    context.stamps.last_try.request_sent = context.reactor.now();
  } else {
    lease.pump().Spawn(PumpRequest(lease, std::move(out), end ? nullptr : body, chunked, context));
  }
  return std::nullopt;
}

Failure ResponseFailure(Failure failure, const Connection& connection, bool reused) {
  const bool answered = connection.response_begun();
  failure.origin = base::Origin::kUpstream;
  failure.phase = base::Phase::kResponse;
  if (failure.kind == FailureKind::kIoError)
    failure.kind = answered ? FailureKind::kUpstreamReset : FailureKind::kUpstreamClosed;
  if (failure.kind == FailureKind::kHeadersTooLarge)
    failure.kind = FailureKind::kUpstreamProtocol;  // the answer's: no 431
  // Before a byte of the answer a kept-alive connection may have been closed while the request was on its way.
  failure.retry = !answered && reused ? RetrySafety::kIdempotent : RetrySafety::kNever;
  return failure;
}

// What the parser said instead of a head, as a Failure.
std::optional<Failure> FailureOfHead(Result<Fed>& fed, const Connection& connection, bool reused) {
  if (!fed.ok()) return ResponseFailure(std::move(fed.failure()), connection, reused);
  if (fed->event != Event::kNeedMore) return std::nullopt;
  Failure closed;
  closed.kind = FailureKind::kIoError;
  closed.detail = "the endpoint closed the connection";
  return ResponseFailure(std::move(closed), connection, reused);
}

void CountOutcome(endpoint::EndpointState& endpoint, int status) {
  if (status < 500) {
    endpoint.successes.fetch_add(1);
  } else {
    endpoint.errors.fetch_add(1);
  }
}

// The final head is here: what becomes of the content and of the connection.
Result<Response> Answer(LeasePtr lease, std::unique_ptr<Response::PooledHead> head, http::Request request,
                        http::Context& context) {
  endpoint::EndpointState& endpoint = lease->pool().endpoint();
  Response response;
  response.head = std::move(head);
  const bool keep = response.head->keep_alive;
  if (response.head->keep_alive_timeout_seconds > 0) {
    endpoint.learnt_idle_timeout_ms.store(int64_t{response.head->keep_alive_timeout_seconds} * 1000);
  }
  CountOutcome(endpoint, response.head->status);
  response.head->keep_alive = true;  // whether the downstream connection goes on is not the upstream's to say
  const bool switched = response.head->status == 101 || (request.head.is_connect() && response.head->status < 300);
  if (switched && IsTunnel(request.head)) {
    if (request.body != nullptr) lease->pump().Spawn(PumpTunnel(*lease, request.body, context));
    response.body = std::make_unique<TunnelBody>(std::move(lease), context);
  } else if (switched) {
    return UpstreamFailure(FailureKind::kUpstreamProtocol, base::Phase::kResponse, RetrySafety::kNever,
                           "101 without a request to upgrade");
  } else if (response.head->framing == Framing::kNone) {
    context.stamps.last_try.last_byte = context.reactor.now();
    lease->Finish(keep);
  } else {
    response.body = std::make_unique<ResponseBody>(std::move(lease), keep, context);
  }
  return response;
}

}  // namespace

// Reads heads until the final one, in this frame: a frame of its own for that and one for the wait cost 350
// instructions a request. Of the interim responses (RFC 9110 section 15.2) 100 ends here, for this proxy has sent its
// own, and 101 is a final one; the others pass to the client.
runtime::Task<Result<Response>> Http1Upstream::Call(http::Request request, http::Context& context) {
  // Until the first wait; a connection holds it.
  Pool& pool = pools_.For(*context.cluster, *context.host, context.connection);
  telemetry::TryStamps& stamps = context.stamps.last_try;
  stamps = telemetry::TryStamps();
  stamps.started = context.reactor.now();
  const bool may_send_twice =
      http::IsIdempotent(request.head.method) && request.body == nullptr && !IsTunnel(request.head);
  std::unique_ptr<Connection> connection = context.want_new_connection ? nullptr : pool.TakeIdle(may_send_twice);
  const bool reused = connection != nullptr;
  if (!reused) {
    auto dialled = co_await pool.Dial(&stamps);
    if (!dialled.ok()) co_return std::move(dialled).failure();
    connection = std::move(*dialled);
  }
  ++connection->requests;
  auto lease = std::make_unique<Lease>(std::move(connection));
  if (auto failure = SendRequest(*lease, request, context)) {
    lease->pool().endpoint().errors.fetch_add(1);
    co_return std::move(*failure);
  }
  runtime::TurnShare share(context.reactor, kTurnInterims);
  for (;;) {
    auto head = std::make_unique<Response::PooledHead>();
    (*lease)->parser().Begin(head.get(), request.head.method);
    std::optional<Result<Fed>> fed = (*lease)->feed().TryNext();
    for (; !fed; fed = (*lease)->feed().TryNext()) co_await (*lease)->stream().Readable();
    if (auto failure = FailureOfHead(*fed, *lease->operator->(), reused)) {
      lease->pool().endpoint().errors.fetch_add(1);
      co_return std::move(*failure);
    }
    if (stamps.first_byte == telemetry::kUnset) stamps.first_byte = context.reactor.now();
    if (head->status >= 200 || head->status == 101) {
      co_return Answer(std::move(lease), std::move(head), request, context);
    }
    if (head->status > 101 && context.interim != nullptr) context.interim->OnInterim(*head);
    if (share.Spend(1)) co_await runtime::NextTurn(context.reactor);
  }
}

}  // namespace weft::upstream
