#include "proxy/downstream/http1_server.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "proxy/codec/h1/feed.h"
#include "proxy/downstream/admission.h"
#include "proxy/downstream/edge_headers.h"
#include "proxy/downstream/interim_responses.h"
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

Task<void> WaitReadable(net::ByteStream& stream) { co_await stream.Readable(); }

// Everything that lives as long as the connection.
class Connection final : private net::ByteStream::HangupListener {
 public:
  Connection(const ServerDeps& deps, ChainSelector& chains, http::ConnectionInfo& info, net::ByteStream& stream)
      : deps_(deps), chains_(chains), info_(info), stream_(stream) {
    stream_.SetHangupListener(this);
  }
  ~Connection() { stream_.SetHangupListener(nullptr); }

  void Prepend(base::ByteChain received) {
    if (!received.empty()) feed().Prepend(std::move(received));
  }

  Task<void> Serve() {
    runtime::TurnShare share(deps_.reactor, kTurnRequests);  // a client that pipelines without end
    while (ExpectRequest()) {
      After after = After::kNothing;
      while (after == After::kNothing) {
        if (!co_await WaitForBytes()) co_return;
        after = co_await ServeOne();
      }
      if (after == After::kEnd) co_return;
      if (share.Spend(1)) co_await runtime::NextTurn(deps_.reactor);
    }
  }

 private:
  enum class After : uint8_t {
    kNext,     // the connection goes on
    kEnd,      // it has ended
    kNothing,  // no byte of a request was there after all (TLS had something of its own to read)
  };
  // What reads requests. Given up while the client is silent; from the pool of frames, so that its coming back costs no
  // trip to the heap.
  struct Reader {
    explicit Reader(net::ByteStream& stream) : feed(stream, parser) {}
    codec::h1::RequestParser parser;
    codec::h1::Feed feed;
    static void* operator new(size_t size) { return runtime::AllocateFrame(size); }
    static void operator delete(void* reader, size_t size) { runtime::FreeFrame(reader, size); }
  };

  // The wait for the next request begins. False: there is to be none.
  bool ExpectRequest();
  // Waits until there is something to read, with as little as possible in hand. False: the connection has ended.
  Task<bool> WaitForBytes();
  // One request and its response. Not inlined: its frame is large, and lives only while a request does.
  [[gnu::noinline]] Task<After> ServeOne();
  // Reads the head of the request. nullopt: nothing of it has come yet; kNeedMore: the client has finished.
  Task<std::optional<Result<Fed>>> ReadHead();
  TimePoint HeadDeadline() const;
  void BeginRequest(http::RequestHead& request, http::Context& context, InterimResponses& interim);
  bool TakeAnswer(std::optional<Result<Response>> answer, const http::RequestHead& request, bool content_open,
                  http::Context& context, Response* response);
  bool IsLast(const http::RequestHead& request, const Response& response) const;
  Task<void> ReplyMalformed(Failure failure);
  bool PinSnapshot();
  void Unpin();
  Reader& reader();
  codec::h1::Feed& feed() { return reader().feed; }
  void SetLimits();
  const config::HttpConnectionSpec& spec() const { return chain_->http->spec; }
  TimePoint In(Duration d) const { return d > Duration::zero() ? deps_.reactor.now() + d : runtime::kNever; }
  void OnHangup() override {
    if (current_ != nullptr) current_->client_gone.Cancel();
  }
  void OnPeerFinished() override {
    if (interim_ != nullptr) interim_->ClientHasFinished();
  }

  const ServerDeps deps_;
  ChainSelector& chains_;
  http::ConnectionInfo& info_;
  net::ByteStream& stream_;
  std::unique_ptr<Reader> reader_;
  config::WorkerSnapshots::Pin pin_;            // given up while the client is silent
  const config::FilterChain* chain_ = nullptr;  // held by pin_ or kept_chain_
  std::shared_ptr<const config::FilterChain> kept_chain_;
  uint64_t generation_ = 0;  // of the Snapshot that chain_ is from
  bool placed_ = true;       // the connection has its place in the newest Snapshot
  uint32_t requests_ = 0;
  TimePoint idle_until_{};  // of the present wait for a request
  TimePoint unpin_at_{};
  std::optional<TimePoint> begun_;    // of the request that is being read: its first byte
  http::Context* current_ = nullptr;  // of the request that is served, with the next
  InterimResponses* interim_ = nullptr;
};

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
  if (reader_ != nullptr) SetLimits();
  return true;
}

Connection::Reader& Connection::reader() {
  if (reader_ == nullptr) {
    reader_ = std::make_unique<Reader>(stream_);
    if (chain_ != nullptr) SetLimits();
  }
  return *reader_;
}

void Connection::SetLimits() {
  reader_->parser.set_limits({size_t{spec().max_request_headers_kb} * 1024, spec().max_headers_count});
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

bool Connection::ExpectRequest() {
  if (!PinSnapshot()) return false;
  begun_.reset();
  idle_until_ = In(spec().idle_timeout);
  unpin_at_ = In(kKeepsSnapshot);
  return true;
}

Task<bool> Connection::WaitForBytes() {
  while (!stream_.MayRead()) {
    if (reader_ != nullptr) {
      if (reader_->feed.has_bytes()) break;
      reader_->feed.ReleaseEmpty();
    }
    const auto ended = co_await runtime::Within(deps_.reactor, pin_ ? std::min(idle_until_, unpin_at_) : idle_until_,
                                                &deps_.draining, WaitReadable(stream_));
    if (ended.outcome == Outcome::kDone) break;
    if (ended.outcome == Outcome::kCancelled || !pin_ || unpin_at_ >= idle_until_) co_return false;
    Unpin();
    reader_.reset();
  }
  co_return true;
}

Task<std::optional<Result<Fed>>> Connection::ReadHead() {
  for (;;) {
    auto fed = feed().TryNext();
    if (reader().parser.begun() && !begun_) begun_ = deps_.reactor.now();
    if (fed || !begun_) co_return fed;
    const TimePoint deadline = HeadDeadline();
    const auto ended = co_await runtime::Within(deps_.reactor, pin_ ? std::min(deadline, unpin_at_) : deadline, nullptr,
                                                WaitReadable(stream_));
    if (ended.outcome == Outcome::kDone) continue;
    if (pin_ && unpin_at_ < deadline) {
      Unpin();
    } else {
      co_return Result<Fed>(
          Failure{FailureKind::kRequestHeaderTimeout, base::Origin::kDownstream, base::Phase::kRequestHead, {}, ""});
    }
  }
}

void Connection::BeginRequest(http::RequestHead& request, http::Context& context, InterimResponses& interim) {
  ++requests_;
  context.snapshot = pin_.get();
  context.chain = chain_;
  context.stamps.head_received = deps_.reactor.now();
  context.set_stream_idle_timeout(spec().stream_idle_timeout);
  ApplyRequestHeaders(spec(), info_, &request);
  current_ = &context;
  interim_ = &interim;
  context.interim = &interim;
  if (stream_.PeerHasFinished()) interim.ClientHasFinished();
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

Task<Connection::After> Connection::ServeOne() {
  http::RequestHead request;
  reader().parser.Begin(&request);
  std::optional<Result<Fed>> first = co_await ReadHead();
  if (!first) co_return After::kNothing;
  if (!first->ok()) {
    if (first->failure().kind != FailureKind::kIoError) co_await ReplyMalformed(std::move(first->failure()));
    co_return After::kEnd;
  }
  if ((*first)->event == Event::kNeedMore) co_return After::kEnd;  // the client has finished
  if (!PinSnapshot()) co_return After::kEnd;  // the newest at the time of the request, not at the time of its waiting
  http::Context context(deps_.reactor, info_);
  InterimResponses interim(deps_.reactor, stream_, request.version != http::Version::kHttp10);
  BeginRequest(request, context, interim);

  const bool tunnel = !request.upgrade.empty() || request.is_connect();
  RequestBody body(feed(), request, context);
  RawBody raw(feed(), context);
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
  interim.End();
  const bool still_waits = body.owes_continue();  // the client waits for 100 Continue with its content
  body.FinalResponseBegins();
  bool go_on = false;
  if (answered) {
    const bool was_open = content_open();
    const bool close = IsLast(request, response) || (was_open && still_waits);
    context.stamps.response_started = deps_.reactor.now();
    if (tunnel && !context.failed && (response.head->status == 101 || request.is_connect())) {
      co_await RunTunnel(stream_, deps_.revoked, request, context, response, interim.TakeUnsent());
    } else {
      go_on = co_await WriteResponse(stream_, spec(), request, context, response, close, interim.TakeUnsent());
    }
    context.stamps.response_ended = deps_.reactor.now();
    response.body.reset();
    if (was_open && !body.ended() && go_on) go_on = co_await DrainRequest(deps_.reactor, body);
  }
  current_ = nullptr;
  interim_ = nullptr;
  deps_.observer.OnRequestDone(request, answered ? response.head.get() : nullptr, context);
  if (answered && !go_on) co_await Linger(deps_.reactor, stream_);
  co_return go_on ? After::kNext : After::kEnd;
}

Task<void> Connection::ReplyMalformed(Failure failure) {
  deps_.observer.OnMalformed(failure, info_);
  if (http::ReplyFor(failure.kind).status == 0) co_return;
  http::RequestHead unread;
  http::Context context(deps_.reactor, info_);
  Response response = http::MakeReply(failure, nullptr);
  context.set_stream_idle_timeout(spec().stream_idle_timeout);
  co_await WriteResponse(stream_, spec(), unread, context, response, /*close=*/true, {});
  co_await Linger(deps_.reactor, stream_);
}

Task<void> Run(std::unique_ptr<Connection> connection) { co_await connection->Serve(); }

}  // namespace

Task<void> ServeHttp1(const ServerDeps& deps, ChainSelector& chains, http::ConnectionInfo& info,
                      net::ByteStream& stream, base::ByteChain received) {
  auto connection = std::make_unique<Connection>(deps, chains, info, stream);
  connection->Prepend(std::move(received));
  return Run(std::move(connection));
}

}  // namespace weft::downstream
