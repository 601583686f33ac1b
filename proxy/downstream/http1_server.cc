#include "proxy/downstream/http1_server.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "proxy/codec/h1/feed.h"
#include "proxy/codec/h1/writer.h"
#include "proxy/downstream/admission.h"
#include "proxy/downstream/edge_headers.h"
#include "proxy/downstream/request_body.h"
#include "proxy/downstream/response_writer.h"
#include "proxy/http/reply.h"

namespace weft::downstream {
namespace {

using base::Failure;
using base::FailureKind;
using base::Result;
using codec::h1::Event;
using codec::h1::Fed;
using http::Framing;
using http::Response;
using runtime::Duration;
using runtime::Outcome;
using runtime::Task;
using runtime::TimePoint;

constexpr size_t kTurnRequests = 32;  // pipelined ones, before the other connections have their turn
constexpr Duration kKeepsSnapshot = std::chrono::seconds(1);  // of silence
constexpr Duration kFirstProbe = std::chrono::seconds(1);
constexpr Duration kNextProbe = std::chrono::seconds(5);

Task<void> WaitReadable(net::ByteStream& stream) { co_await stream.Readable(); }

// Everything that lives as long as the connection.
class Connection final : private net::ByteStream::HangupListener, private http::InterimSink {
 public:
  Connection(ServerDeps& deps, ChainSelector& chains, http::ConnectionInfo& info, net::ByteStream& stream)
      : deps_(deps), chains_(chains), info_(info), stream_(stream), feed_(stream, parser_) {
    stream_.SetHangupListener(this);
  }
  ~Connection() { stream_.SetHangupListener(nullptr); }

  Task<void> Serve(base::ByteChain received) {
    feed_.Prepend(std::move(received));
    runtime::TurnShare share(deps_.reactor, kTurnRequests);  // a client that pipelines without end
    while (co_await ServeOne()) {
      if (share.Spend(1)) co_await runtime::NextTurn(deps_.reactor);
    }
  }

 private:
  // One request and its response; false: the connection has ended.
  Task<bool> ServeOne();
  // Waits for the head of the next request. nullopt: the connection ended without one.
  Task<std::optional<Result<Fed>>> ReadHead();
  TimePoint HeadDeadline() const;
  void BeginRequest(http::RequestHead& request, http::Context& context);
  bool TakeAnswer(std::optional<Result<Response>> answer, const http::RequestHead& request, bool content_open,
                  http::Context& context, Response* response);
  bool IsLast(const http::RequestHead& request, const Response& response) const;
  Task<void> ReplyMalformed(Failure failure);
  bool PinSnapshot();
  void Unpin();
  base::ByteChain TakeUnsent();
  const config::HttpConnectionSpec& spec() const { return chain_->http->spec; }
  TimePoint In(Duration d) const { return d > Duration::zero() ? deps_.reactor.now() + d : runtime::kNever; }
  void OnHangup() override {
    if (current_ != nullptr) current_->client_gone.Cancel();
  }
  void OnPeerFinished() override { ProbeLater(kFirstProbe); }
  void OnInterim(const http::ResponseHead& head) override;
  void ProbeLater(Duration wait);
  void Probe();

  class ProbeTimer final : public runtime::Timer {
   public:
    explicit ProbeTimer(Connection& connection) : connection_(connection) {}
    void OnTimer() override { connection_.Probe(); }

   private:
    Connection& connection_;
  };

  ServerDeps& deps_;
  ChainSelector& chains_;
  http::ConnectionInfo& info_;
  net::ByteStream& stream_;
  codec::h1::RequestParser parser_;
  codec::h1::Feed feed_;
  config::WorkerSnapshots::Pin pin_;            // given up while the client is silent
  const config::FilterChain* chain_ = nullptr;  // held by pin_ or kept_chain_
  std::shared_ptr<const config::FilterChain> kept_chain_;
  uint64_t generation_ = 0;  // of the Snapshot that chain_ is from
  bool placed_ = true;       // the connection has its place in the newest Snapshot
  uint32_t requests_ = 0;
  std::optional<TimePoint> begun_;  // of the request that is being read: its first byte
  http::Context* current_ = nullptr;
  bool interim_allowed_ = false;             // an HTTP/1.1 client waits, and no byte of its response is out
  std::unique_ptr<base::ByteChain> unsent_;  // the rest of an interim response that the socket did not take
  std::unique_ptr<ProbeTimer> probe_;
};

void Connection::OnInterim(const http::ResponseHead& head) {
  if (!interim_allowed_ || unsent_ != nullptr)
    return;  // it may be left out, so a client that does not read holds one at most
  base::ByteChain out;
  codec::h1::WriteResponseHead(head, {}, &out);
  struct iovec pieces[16];
  const net::IoResult put = stream_.TryWrite(pieces, out.FillIovecs(pieces, 16));
  if (put.state == net::IoState::kOk) out.Consume(put.bytes);
  if (put.state == net::IoState::kWouldBlock || out.empty()) return;
  unsent_ = std::make_unique<base::ByteChain>(std::move(out));  // but not be torn
}

// A FIN says that the client sends no more, not whether it still waits for its answer or has closed its socket. Sending
// tells: a closed one answers with a reset. An interim 100 means nothing to a client that waits (RFC 9110
// section 15.2.1).
void Connection::ProbeLater(Duration wait) {
  if (!interim_allowed_) return;
  if (probe_ == nullptr) probe_ = std::make_unique<ProbeTimer>(*this);
  deps_.reactor.timers().Arm(probe_.get(), deps_.reactor.now() + wait);
}

void Connection::Probe() {
  http::ResponseHead nothing;
  nothing.status = 100;
  nothing.reason = "Continue";
  OnInterim(nothing);
  ProbeLater(kNextProbe);
}

// The newest Snapshot for the next request. A connection whose listener would refuse it now has had its last one. One
// that has no place for another reason is served once more by its old chain, and closed with a word to the client.
bool Connection::PinSnapshot() {
  const config::Snapshot* newest = deps_.snapshots.current();
  if (newest == nullptr) return false;
  if (pin_ && pin_->generation == newest->generation) return true;
  const bool known = chain_ != nullptr && generation_ == newest->generation;
  const config::FilterChain* chain = known ? chain_ : chains_.Select(*newest);
  if (chain == nullptr && newest->FindListener(info_.listener) != nullptr) return false;
  placed_ = chain != nullptr && chain->http.has_value();
  if (!placed_ && chain_ == nullptr) return false;
  if (placed_ || !pin_) pin_ = deps_.snapshots.PinCurrent();
  if (!placed_) return true;
  chain_ = chain;
  generation_ = newest->generation;
  kept_chain_.reset();
  parser_.set_limits({size_t{spec().max_request_headers_kb} * 1024, spec().max_headers_count});
  return true;
}

// A client may be silent for an hour, in which many Snapshots come and go.
void Connection::Unpin() {
  if (kept_chain_ == nullptr) kept_chain_ = chain_->shared_from_this();
  pin_ = config::WorkerSnapshots::Pin();
}

// When a head that has begun is given up.
TimePoint Connection::HeadDeadline() const {
  TimePoint deadline = runtime::kNever;
  for (const Duration limit : {spec().request_headers_timeout, spec().request_timeout, spec().stream_idle_timeout}) {
    if (limit > Duration::zero()) deadline = std::min(deadline, *begun_ + limit);
  }
  if (deadline == runtime::kNever && spec().idle_timeout > Duration::zero()) deadline = *begun_ + spec().idle_timeout;
  return deadline;
}

Task<std::optional<Result<Fed>>> Connection::ReadHead() {
  begun_.reset();
  const TimePoint idle_until = In(spec().idle_timeout);
  const TimePoint unpin_at = In(kKeepsSnapshot);
  for (;;) {
    auto fed = feed_.TryNext();
    if (parser_.begun() && !begun_) begun_ = deps_.reactor.now();
    if (fed) {
      if (fed->ok() && (*fed)->event == Event::kNeedMore) co_return std::nullopt;
      co_return fed;
    }
    const TimePoint deadline = begun_ ? HeadDeadline() : idle_until;
    runtime::Cancellation* stop = begun_ ? nullptr : &deps_.draining;
    const auto ended = co_await runtime::Within(deps_.reactor, pin_ ? std::min(deadline, unpin_at) : deadline, stop,
                                                WaitReadable(stream_));
    if (ended.outcome == Outcome::kCancelled) co_return std::nullopt;
    if (ended.outcome == Outcome::kDone) continue;
    if (pin_ && unpin_at < deadline) {
      Unpin();
    } else if (begun_) {
      co_return Result<Fed>(
          Failure{FailureKind::kRequestHeaderTimeout, base::Origin::kDownstream, base::Phase::kRequestHead, {}, ""});
    } else {
      co_return std::nullopt;
    }
  }
}

void Connection::BeginRequest(http::RequestHead& request, http::Context& context) {
  ++requests_;
  context.snapshot = pin_.get();
  context.chain = chain_;
  context.stamps.head_received = deps_.reactor.now();
  context.set_stream_idle_timeout(spec().stream_idle_timeout);
  ApplyRequestHeaders(spec(), info_, &request);
  current_ = &context;
  interim_allowed_ = request.version != http::Version::kHttp10;
  context.interim = this;
  if (stream_.PeerHasFinished()) ProbeLater(kFirstProbe);
}

// What goes to the client when the service has ended. False: nobody is left to be answered.
bool Connection::TakeAnswer(std::optional<Result<Response>> answer, const http::RequestHead& request, bool content_open,
                            http::Context& context, Response* response) {
  if (answer && answer->ok()) {
    *response = std::move(**answer);
    return true;
  }
  Failure failure =
      answer ? std::move(answer->failure())
             : Failure{FailureKind::kDownstreamClosed, base::Origin::kDownstream, base::Phase::kRequestSent, {}, ""};
  if (context.body_failed) {
    failure = std::move(context.body_failure);
  } else if (context.stalled.cancelled()) {
    failure = content_open ? Failure{FailureKind::kRequestTimeout,
                                     base::Origin::kDownstream,
                                     base::Phase::kBody,
                                     {},
                                     "the request stalled"}
                           : Failure{FailureKind::kUpstreamTimeout,
                                     base::Origin::kUpstream,
                                     base::Phase::kRequestSent,
                                     {},
                                     "no answer came in the stream's idle time"};
  }
  const bool answered = http::ReplyFor(failure.kind).status != 0;
  *response = http::MakeReply(failure, &request, context.no_cluster_status);
  context.failure = std::move(failure);
  context.failed = true;
  return answered;
}

// Whether the connection ends after this response, as far as its head can say.
bool Connection::IsLast(const http::RequestHead& request, const Response& response) const {
  const bool worn = spec().max_requests_per_connection > 0 && requests_ >= spec().max_requests_per_connection;
  // Bytes behind a CONNECT may be meant for the tunnel: where there is none they are not a request.
  return !request.keep_alive || request.is_connect() || !response.head->keep_alive || worn || !placed_ ||
         deps_.draining.cancelled();
}

Task<bool> Connection::ServeOne() {
  if (!PinSnapshot()) co_return false;
  http::RequestHead request;
  parser_.Begin(&request);
  std::optional<Result<Fed>> first = co_await ReadHead();
  if (!first) co_return false;
  if (!first->ok()) {
    if (first->failure().kind != FailureKind::kIoError) co_await ReplyMalformed(std::move(first->failure()));
    co_return false;
  }
  if (!PinSnapshot()) co_return false;  // the newest at the time of the request, not at the time of its waiting
  http::Context context(deps_.reactor, info_);
  BeginRequest(request, context);

  const bool tunnel = !request.upgrade.empty() || request.is_connect();
  RequestBody body(feed_, request, context);
  RawBody raw(feed_, context);
  http::Body* content = tunnel ? static_cast<http::Body*>(&raw) : &body;
  if (!tunnel && request.framing == Framing::kNone) content = nullptr;
  const auto content_open = [&] { return content == &body && !body.ended(); };
  std::optional<RequestDeadline> request_deadline;
  if (content == &body && spec().request_timeout > Duration::zero()) {
    request_deadline.emplace(context, body, *begun_ + spec().request_timeout);
  }
  Response response;
  bool answered = true;
  if (auto early = Admit(spec(), &request, &context)) {
    response = *std::move(early);
  } else {
    auto ended = co_await runtime::Within(deps_.reactor, runtime::kNever, &context.client_gone,
                                          deps_.service.Call(http::Request{request, content}, context));
    answered = TakeAnswer(std::move(ended.value), request, content_open(), context, &response);
  }
  request_deadline.reset();
  interim_allowed_ = false;
  probe_.reset();
  const bool still_waits = body.owes_continue();  // the client waits for 100 Continue with its content
  body.FinalResponseBegins();
  bool go_on = false;
  if (answered) {
    const bool was_open = content_open();
    const bool close = IsLast(request, response) || (was_open && still_waits);
    context.stamps.response_started = deps_.reactor.now();
    if (tunnel && !context.failed && (response.head->status == 101 || request.is_connect())) {
      co_await RunTunnel(stream_, deps_.revoked, request, context, response, TakeUnsent());
    } else {
      go_on = co_await WriteResponse(stream_, spec(), request, context, response, close, TakeUnsent());
    }
    context.stamps.response_ended = deps_.reactor.now();
    response.body.reset();
    if (was_open && !body.ended() && go_on) go_on = co_await DrainRequest(deps_.reactor, body);
  }
  current_ = nullptr;
  deps_.observer.OnRequestDone(request, answered ? response.head.get() : nullptr, context);
  if (answered && !go_on) co_await Linger(deps_.reactor, stream_);
  co_return go_on;
}

base::ByteChain Connection::TakeUnsent() {
  base::ByteChain out;
  if (const auto unsent = std::move(unsent_); unsent != nullptr) out.Append(std::move(*unsent));
  return out;
}

Task<void> Connection::ReplyMalformed(Failure failure) {
  deps_.observer.OnMalformed(failure, info_);
  if (http::ReplyFor(failure.kind).status == 0) co_return;
  http::RequestHead unread;
  http::Context context(deps_.reactor, info_);
  Response response = http::MakeReply(failure, nullptr);
  context.set_stream_idle_timeout(spec().stream_idle_timeout);
  co_await WriteResponse(stream_, spec(), unread, context, response, /*close=*/true, TakeUnsent());
  co_await Linger(deps_.reactor, stream_);
}

}  // namespace

Task<void> ServeHttp1(ServerDeps& deps, ChainSelector& chains, http::ConnectionInfo& info, net::ByteStream& stream,
                      base::ByteChain received) {
  Connection connection(deps, chains, info, stream);
  co_await connection.Serve(std::move(received));
}

}  // namespace weft::downstream
