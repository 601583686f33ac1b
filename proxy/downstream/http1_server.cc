#include "proxy/downstream/http1_server.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "proxy/codec/h1/feed.h"
#include "proxy/codec/h1/writer.h"
#include "proxy/downstream/admission.h"
#include "proxy/downstream/date.h"
#include "proxy/downstream/edge_headers.h"
#include "proxy/downstream/request_body.h"
#include "proxy/http/reply.h"
#include "proxy/net/relay.h"

namespace weft::downstream {
namespace {

using base::Failure;
using base::FailureKind;
using base::Result;
using codec::h1::Event;
using codec::h1::Fed;
using http::BodyPiece;
using http::Framing;
using http::Response;
using runtime::Duration;
using runtime::Outcome;
using runtime::Task;
using runtime::TimePoint;

constexpr size_t kWriteBatch = 64 * 1024;           // content collected for one write
constexpr size_t kTurnBytes = 256 * 1024;           // of content, and
constexpr size_t kTurnRequests = 32;                // pipelined ones, before the other connections have their turn
constexpr size_t kMaxDrain = 256 * 1024;            // of a request's content after an early response
constexpr Duration kLinger = std::chrono::seconds(1);
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
  Task<bool> SendResponse(http::RequestHead& request, http::Context& context, Response& response, bool close);
  Task<bool> SendContent(http::Context& context, Response& response, bool chunked, base::ByteChain out);
  Task<bool> RunTunnel(http::RequestHead& request, http::Context& context, Response& response);
  Task<void> ReplyMalformed(Failure failure);
  Task<bool> DrainRequest(RequestBody& body);
  Task<void> Linger();
  bool PinSnapshot();
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
  config::WorkerSnapshots::Pin pin_;
  const config::FilterChain* chain_ = nullptr;
  bool placed_ = true;            // the connection has its place in the newest Snapshot
  uint32_t requests_ = 0;
  std::optional<TimePoint> begun_;  // of the request that is being read: its first byte
  http::Context* current_ = nullptr;
  bool interim_allowed_ = false;             // an HTTP/1.1 client waits, and no byte of its response is out
  std::unique_ptr<base::ByteChain> unsent_;  // the rest of an interim response that the socket did not take
  std::unique_ptr<ProbeTimer> probe_;
};

void Connection::OnInterim(const http::ResponseHead& head) {
  if (!interim_allowed_ || unsent_ != nullptr) return;  // it may be left out, so a client that does not read holds one at most
  base::ByteChain out;
  codec::h1::WriteResponseHead(head, {}, &out);
  struct iovec pieces[16];
  const net::IoResult put = stream_.TryWrite(pieces, out.FillIovecs(pieces, 16));
  if (put.state == net::IoState::kOk) out.Consume(put.bytes);
  if (put.state == net::IoState::kWouldBlock || out.empty()) return;
  unsent_ = std::make_unique<base::ByteChain>(std::move(out));  // but not be torn
}

// A FIN says that the client sends no more, not whether it still waits for its answer or has closed its socket. Sending tells: a
// closed one answers with a reset. An interim 100 means nothing to a client that waits (RFC 9110 section 15.2.1).
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

// The newest Snapshot for the next request. A connection whose listener would refuse it now has had its last one. One that has
// no place for another reason is served once more from the old one, and closed with a word to the client.
bool Connection::PinSnapshot() {
  const config::Snapshot* newest = deps_.snapshots.current();
  if (newest == nullptr) return false;
  if (pin_ && pin_->generation == newest->generation) return true;
  const config::FilterChain* chain = chains_.Select(*newest);
  if (chain == nullptr && newest->FindListener(info_.listener) != nullptr) return false;
  placed_ = chain != nullptr && chain->http.has_value();
  if (!placed_) return static_cast<bool>(pin_);
  pin_ = deps_.snapshots.PinCurrent();
  chain_ = chain;
  parser_.set_limits({size_t{spec().max_request_headers_kb} * 1024, spec().max_headers_count});
  return true;
}

Task<std::optional<Result<Fed>>> Connection::ReadHead() {
  begun_.reset();
  for (;;) {
    auto fed = feed_.TryNext();
    if (parser_.begun() && !begun_) begun_ = deps_.reactor.now();
    if (fed) {
      if (fed->ok() && (*fed)->event == Event::kNeedMore) co_return std::nullopt;
      co_return fed;
    }
    TimePoint deadline = In(spec().idle_timeout);
    if (begun_) {
      if (spec().request_headers_timeout > Duration::zero()) deadline = *begun_ + spec().request_headers_timeout;
      if (spec().request_timeout > Duration::zero()) deadline = std::min(deadline, *begun_ + spec().request_timeout);
    }
    runtime::Cancellation* stop = parser_.begun() ? nullptr : &deps_.draining;
    const auto ended = co_await runtime::Within(deps_.reactor, deadline, stop, WaitReadable(stream_));
    if (ended.outcome == Outcome::kCancelled) co_return std::nullopt;
    if (ended.outcome == Outcome::kDeadline) {
      if (!parser_.begun()) co_return std::nullopt;
      Failure late;
      late.kind = FailureKind::kRequestHeaderTimeout;
      late.origin = base::Origin::kDownstream;
      late.phase = base::Phase::kRequestHead;
      co_return Result<Fed>(std::move(late));
    }
  }
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
  ++requests_;
  http::Context context(deps_.reactor, info_);
  context.snapshot = pin_.get();
  context.chain = chain_;
  context.stamps.head_received = deps_.reactor.now();
  ApplyRequestHeaders(spec(), info_, &request);

  const bool tunnel = !request.upgrade.empty() || request.is_connect();
  RequestBody body(feed_, request, context);
  RawBody raw(feed_);
  http::Body* content = tunnel ? static_cast<http::Body*>(&raw) : &body;
  if (!tunnel && request.framing == Framing::kNone) content = nullptr;

  current_ = &context;
  interim_allowed_ = request.version != http::Version::kHttp10;
  context.interim = this;
  if (stream_.PeerHasFinished()) ProbeLater(kFirstProbe);
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
    if (ended.outcome == Outcome::kDone && ended.value->ok()) {
      response = std::move(**ended.value);
    } else {
      Failure failure = ended.outcome == Outcome::kDone ? std::move(ended.value->failure()) : Failure{FailureKind::kDownstreamClosed, base::Origin::kDownstream, base::Phase::kRequestSent, {}, ""};
      if (context.body_failed) failure = std::move(context.body_failure);
      answered = http::ReplyFor(failure.kind).status != 0;
      response = http::MakeReply(failure, &request, context.no_cluster_status);
      context.failure = std::move(failure);
      context.failed = true;
    }
  }
  request_deadline.reset();
  interim_allowed_ = false;
  probe_.reset();
  const bool still_waits = body.owes_continue();  // the client waits for 100 Continue with its content
  body.FinalResponseBegins();
  bool go_on = false;
  if (answered) {
    const bool content_open = content == &body && !body.ended();
    const bool worn = spec().max_requests_per_connection > 0 && requests_ >= spec().max_requests_per_connection;
    // Bytes behind a CONNECT may be meant for the tunnel: where there is none they are not a request.
    const bool close = !request.keep_alive || request.is_connect() || !response.head->keep_alive || worn || !placed_ || deps_.draining.cancelled() ||
                       (content_open && still_waits);
    context.stamps.response_started = deps_.reactor.now();
    const bool switched = tunnel && !context.failed && (response.head->status == 101 || request.is_connect());
    go_on = switched ? co_await RunTunnel(request, context, response)
                     : co_await SendResponse(request, context, response, close) && !close;
    context.stamps.response_ended = deps_.reactor.now();
    response.body.reset();
    if (content_open && !body.ended() && go_on) go_on = co_await DrainRequest(body);
  }
  current_ = nullptr;
  deps_.observer.OnRequestDone(request, answered ? response.head.get() : nullptr, context);
  if (answered && !go_on) co_await Linger();
  co_return go_on;
}

// The head that fits what is known of the content and what the client understands (RFC 9112 section 6.3).
Task<bool> Connection::SendResponse(http::RequestHead& request, http::Context& context, Response& response, bool close) {
  http::ResponseHead& head = *response.head;
  ApplyResponseHeaders(spec(), &head);
  if (!head.headers.Has("date")) head.headers.Add("date", HttpDate(deps_.reactor.clock().WallMicros() / 1'000'000));
  codec::h1::HeadOptions options;
  options.framing = head.framing;
  options.content_length = head.content_length;
  // A response without content says so, unless its status says it already (RFC 9110 section 8.6).
  options.write_content_length = head.has_content_length && head.status >= 200 && head.status != 204;
  if (head.framing == Framing::kChunked || head.framing == Framing::kUntilClose) {
    const bool chunks = request.version != http::Version::kHttp10;
    options.framing = chunks ? Framing::kChunked : Framing::kUntilClose;
    if (!chunks) close = true;
  }
  options.close = close;
  options.keep_alive_1_0 = !close && request.version == http::Version::kHttp10;
  base::ByteChain out;
  if (const auto unsent = std::move(unsent_); unsent != nullptr) out.Append(std::move(*unsent));
  codec::h1::WriteResponseHead(head, options, &out);
  const bool chunked = options.framing == Framing::kChunked;
  const bool sent = co_await SendContent(context, response, chunked, std::move(out));
  co_return sent && !close;
}

// Sends `out`, then the content as it comes, collecting what is there into one write.
Task<bool> Connection::SendContent(http::Context& context, Response& response, bool chunked, base::ByteChain out) {
  http::Body* body = response.body.get();
  bool end = body == nullptr;
  const Duration stream_idle =
      context.stream_idle_timeout > Duration::zero() ? context.stream_idle_timeout : spec().stream_idle_timeout;
  runtime::TurnShare share(deps_.reactor, kTurnBytes);
  for (;;) {
    while (!end && out.size() < kWriteBatch) {
      std::optional<Result<BodyPiece>> piece = body->TryRead();
      if (!piece) {
        if (!out.empty()) break;  // what is there goes out before we wait
        const TimePoint deadline = std::min(context.deadline, In(stream_idle));
        auto ended = co_await runtime::Within(deps_.reactor, deadline, &context.client_gone, body->Read());
        if (ended.outcome != Outcome::kDone) {
          context.failed = true;
          context.failure.kind = ended.outcome == Outcome::kDeadline ? FailureKind::kUpstreamTimeout : FailureKind::kDownstreamClosed;
          stream_.Reset();
          co_return false;
        }
        piece = std::move(ended.value);
      }
      if (!piece->ok()) {
        // The client must not take what it got for the whole: the connection is cut (RFC 9112 section 8).
        context.failed = true;
        context.failure = std::move(piece->failure());
        if (!out.empty()) co_await net::WriteAll(stream_, std::move(out));
        stream_.Reset();
        co_return false;
      }
      BodyPiece& got = **piece;
      end = got.end;
      if (!chunked) {
        out.Append(std::move(got.data));
      } else {
        if (got.data.size > 0) codec::h1::WriteChunk(std::move(got.data), &out);
        if (end) codec::h1::WriteLastChunk(got.trailers, &out);
      }
    }
    if (!out.empty()) {
      struct iovec pieces[16];
      const net::IoResult put = stream_.TryWrite(pieces, out.FillIovecs(pieces, 16));
      if (put.state == net::IoState::kOk) out.Consume(put.bytes);
      if (put.state == net::IoState::kError) co_return false;
      if (out.empty() && !end && share.Spend(put.bytes)) co_await runtime::NextTurn(deps_.reactor);
      if (!out.empty()) {
        auto ended = co_await runtime::Within(deps_.reactor, In(stream_idle), nullptr, net::WriteAll(stream_, std::move(out)));
        if (ended.outcome != Outcome::kDone || !*ended.value) {
          stream_.Reset();
          co_return false;
        }
        out = base::ByteChain();
      }
    }
    if (end) co_return true;
  }
}

// After 101, or 2xx to CONNECT: the upstream's bytes to the client; the other direction is pumped by the upstream's try.
Task<bool> Connection::RunTunnel(http::RequestHead& request, http::Context& context, Response& response) {
  codec::h1::HeadOptions options;
  if (!request.is_connect()) options.upgrade = response.head->upgrade;
  base::ByteChain out;
  if (const auto unsent = std::move(unsent_); unsent != nullptr) out.Append(std::move(*unsent));
  codec::h1::WriteResponseHead(*response.head, options, &out);
  const auto ended = co_await runtime::Within(deps_.reactor, runtime::kNever, &deps_.revoked,
                                              SendContent(context, response, /*chunked=*/false, std::move(out)));
  if (ended.outcome != Outcome::kDone) {
    stream_.Reset();
  } else if (*ended.value) {
    stream_.ShutdownWrite();
  }
  co_return false;
}

Task<void> Connection::ReplyMalformed(Failure failure) {
  deps_.observer.OnMalformed(failure, info_);
  if (http::ReplyFor(failure.kind).status == 0) co_return;
  http::RequestHead unread;
  http::Context context(deps_.reactor, info_);
  Response response = http::MakeReply(failure, nullptr);
  co_await SendResponse(unread, context, response, /*close=*/true);
  co_await Linger();
}

// The response is out before the request's content has ended: reads the rest when it is short.
Task<bool> Connection::DrainRequest(RequestBody& body) {
  size_t drained = 0;
  const TimePoint deadline = In(kLinger);
  while (!body.ended()) {
    auto ended = co_await runtime::Within(deps_.reactor, deadline, nullptr, body.Read());
    if (ended.outcome != Outcome::kDone || !ended.value->ok()) co_return false;
    drained += (*ended.value)->data.size;
    if (drained > kMaxDrain) co_return false;
  }
  co_return true;
}

Task<void> ReadUntilEnd(net::ByteStream& stream) {
  size_t total = 0;
  while (total < kMaxDrain) {
    base::BufferRef scratch = base::BufferPool::ForThisThread().Take();
    const net::IoResult got = stream.TryRead(scratch.data(), scratch.capacity());
    scratch.Reset();
    if (got.state == net::IoState::kWouldBlock) {
      co_await stream.Readable();
    } else if (got.state == net::IoState::kOk) {
      total += got.bytes;
    } else {
      co_return;
    }
  }
}

// Closing while the client still sends would reset the connection and could destroy our last reply on its way: finish, then
// read on for a while (RFC 9112 section 9.6).
Task<void> Connection::Linger() {
  stream_.ShutdownWrite();
  co_await runtime::Within(deps_.reactor, In(kLinger), nullptr, ReadUntilEnd(stream_));
}

}  // namespace

Task<void> ServeHttp1(ServerDeps& deps, ChainSelector& chains, http::ConnectionInfo& info, net::ByteStream& stream,
                      base::ByteChain received) {
  Connection connection(deps, chains, info, stream);
  co_await connection.Serve(std::move(received));
}

}  // namespace weft::downstream
