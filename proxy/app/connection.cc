#include "proxy/app/connection.h"

#include <memory>
#include <utility>

#include "proxy/app/chain_selector.h"
#include "proxy/app/connection_reports.h"
#include "proxy/app/data_path.h"
#include "proxy/app/early_dial.h"
#include "proxy/app/first_bytes.h"
#include "proxy/app/live_connections.h"
#include "proxy/app/opening.h"
#include "proxy/app/refusal.h"
#include "proxy/downstream/http1_server.h"
#include "proxy/downstream/opaque_server.h"
#include "proxy/net/socket_stream.h"
#include "proxy/tls/stream.h"

namespace weft::app {
namespace {

using base::Failure;
using base::FailureKind;
using runtime::Outcome;
using runtime::Task;

constexpr std::string_view kHeldPrefix = "held:";

// One more connection of the worker, waiting ones included.
class LoadShare {
 public:
  explicit LoadShare(WorkerLoad& load) : load_(load) { load_.connections.fetch_add(1); }
  ~LoadShare() { load_.connections.fetch_sub(1); }

 private:
  WorkerLoad& load_;
};

// A PROXY header names the destination: a client could send its connection through us again and again, or reach from
// another machine what listens on our loopback.
bool LeadsBack(const config::Snapshot& snapshot, const config::Listener& listener, const http::ConnectionInfo& info) {
  if (!listener.loops_without_redirect) return false;
  const base::Address& to = info.destination;
  if (to == info.local && !info.redirected) return true;
  if (to.is_loopback() && info.direct_peer != nullptr && !info.direct_peer->is_loopback()) return true;
  const bool here = to.is_ip() && (to.is_loopback() || to.ip_bytes() == info.local.ip_bytes());
  return here && snapshot.FindListenerFor(to) != nullptr;
}

// A connection to the captured port itself, which nothing redirected, would be sent back to us for ever.
bool IsLoop(const config::Listener& listener, const http::ConnectionInfo& info) {
  return listener.loops_without_redirect && listener.needs_original_destination && listener.spec.bind_to_port &&
         !info.redirected && info.destination == info.local;
}

}  // namespace

std::string HeldName(uint16_t port) { return std::string(kHeldPrefix) + std::to_string(port); }
bool IsHeldName(std::string_view listener) { return listener.starts_with(kHeldPrefix); }

class ConnectionDriver final : private LiveConnection {
 public:
  ConnectionDriver(DataPath& path, std::string listener, accept::Accepted accepted)
      : path_(path), reactor_(path.reactor_), fd_(std::move(accepted.fd)) {
    info_.id = path.next_connection_id_;
    path.next_connection_id_ += DataPath::kConnectionIdStep;
    info_.peer = accepted.peer;
    info_.listener = std::move(listener);
    info_.stamps.accepted = reactor_.now();
    held_until_ = reactor_.now() + path.hold_timeout_;
  }

  Task<void> Serve() {
    LoadShare share(path_.load_);
    info_.local = net::LocalAddress(fd_.get());
    if (!co_await FindListener()) co_return;
    Lifetime lifetime(path_.observer_, info_, reactor_);
    if (!co_await Arrive()) co_return;
    Task<void> carrying = chain_->http ? CarryHttp() : CarryOpaque();
    co_await std::move(carrying);
  }

 private:
  // LiveConnection
  std::string_view listener() const override { return info_.listener; }
  void Review(const config::Snapshot& snapshot) override {
    const config::FilterChain* chain = selector_.Select(snapshot);
    client_untrusted_ = chain != nullptr && chain->tls != nullptr && !chain->tls->StillTrusts(client_root_);
    if (chain != nullptr && !Denies(*chain) && !client_untrusted_) return;
    ending_.Cancel();
    revoked_.Cancel();
  }
  void BeginDrain() override {
    if (carries_http_) ending_.Cancel();
  }
  void JoinLiveOnes() {
    carries_http_ = chain_->http.has_value();
    if (path_.draining_.cancelled()) BeginDrain();
    path_.live_.Add(this);
  }

  // What is configured for this socket now, or null. The answer lives until the next wait.
  const config::Listener* Configured() const {
    const config::Snapshot* snapshot = path_.snapshots_.current();
    if (snapshot == nullptr) return nullptr;
    return IsHeldName(info_.listener) ? snapshot->FindListenerFor(info_.local) : snapshot->FindListener(info_.listener);
  }
  Task<void> UntilConfigured() {
    while (Configured() == nullptr) co_await path_.swapped_.Next();
  }
  Task<void> UntilSecretsCame() {
    while (SelectChain() && chain_->needs_secret) {
      pin_ = config::WorkerSnapshots::Pin();
      co_await path_.swapped_.Next();
    }
  }

  // Not inlined, as the next one: what it needs while it waits goes with its frame, and an idle connection is small.
  // A call before the first configuration waits for it.
  [[gnu::noinline]] Task<bool> FindListener() {
    if (IsHeldName(info_.listener) && Configured() == nullptr) {
      const auto ended = co_await runtime::Within(reactor_, held_until_, &path_.draining_, UntilConfigured());
      if (ended.outcome != Outcome::kDone) {
        co_await RefuseUnconfigured();
        co_return false;
      }
    }
    listener_ = Configured();
    if (listener_ == nullptr) co_return false;  // removed a moment ago
    info_.listener = listener_->spec.name;
    FindDestination();
    if (listener_->spec.use_original_dst) {  // the listener of the destination takes over
      if (const config::Listener* owner = path_.snapshots_.current()->FindListenerFor(info_.destination)) {
        listener_ = owner;
        info_.listener = owner->spec.name;
      }
    }
    info_.inbound = listener_->spec.direction == config::Direction::kInbound;
    co_return true;
  }

  // From the socket to the stream, and the filter chain, that carry the connection. False: it was refused.
  [[gnu::noinline]] Task<bool> Arrive() {
    if (!TakeSocket()) co_return false;
    if (listener_->spec.proxy_header && !co_await TakeProxyHeader()) co_return false;
    if (listener_->NeedsFirstBytes(selector_.Facts()) && !co_await LookAtFirstBytes()) co_return false;
    if (!co_await ChooseChain()) co_return false;
    JoinLiveOnes();
    co_return chain_->tls == nullptr || co_await AcceptTls();
  }

  void FindDestination() {
    info_.destination = info_.local;
    if (!listener_->needs_original_destination) return;
    if (auto original = net::OriginalDestination(fd_.get())) {
      info_.destination = *original;
      info_.redirected = true;
    }
  }

  Task<void> RefuseUnconfigured() {
    Failure failure = Refusal(FailureKind::kNoConfig, "no configuration came in time");
    path_.observer_.OnConnectionRefused(failure, info_);
    auto stream = net::SocketStream::Adopt(reactor_, std::move(fd_), info_.peer);
    if (!stream.ok()) co_return;
    co_await AnswerRefused(reactor_, **stream, failure);
  }

  bool TakeSocket() {
    if (IsLoop(*listener_, info_))
      return Refuse(Refusal(FailureKind::kLoop, "a connection to the captured port itself"));
    auto adopted = net::SocketStream::Adopt(reactor_, std::move(fd_), info_.peer);
    if (!adopted.ok()) return Refuse(std::move(adopted).failure());
    stream_ = std::move(*adopted);
    return true;
  }

  runtime::TimePoint FirstBytesDeadline() const {
    const runtime::Duration limit = listener_->spec.first_bytes_timeout;
    return limit > runtime::Duration::zero() ? reactor_.now() + limit : runtime::kNever;
  }

  // It comes before everything else and names the client.
  [[gnu::noinline]] Task<bool> TakeProxyHeader() {
    const config::ProxyHeaderSpec spec = *listener_->spec.proxy_header;
    std::string text;
    detect::ProxyRead read;
    if (auto ended = co_await runtime::Within(reactor_, FirstBytesDeadline(), nullptr, ReadProxyHeader(*stream_, text));
        ended.outcome == Outcome::kDone) {
      read = std::move(*ended.value);
    } else if (spec.required) {
      co_return Refuse(Refusal(FailureKind::kTimeout, "no PROXY header in time"));
    }
    if (auto failure = ApplyProxyHeader(spec, read, text, info_)) {
      stream_->Reset();
      co_return Refuse(std::move(*failure));
    }
    if (!text.empty()) {
      received_ = std::make_unique<base::ByteChain>();
      received_->AppendCopy(text);
    }
    listener_ = path_.snapshots_.current()->FindListener(info_.listener);
    if (listener_ == nullptr) co_return false;  // removed a moment ago
    if (LeadsBack(*path_.snapshots_.current(), *listener_, info_)) {
      stream_->Reset();
      co_return Refuse(Refusal(FailureKind::kLoop, "the PROXY header leads back to this proxy"));
    }
    co_return true;
  }

  // Answers what asks for TLS in the clear, then reads until the protocol is known.
  Task<void> ReadWhatComesFirst(config::Preamble preamble, FirstBytes& first) {
    if (preamble != config::Preamble::kNone && co_await FollowPreamble(reactor_, *stream_, preamble, first))
      promised_ = preamble;
    co_await ReadFirstBytes(reactor_, *stream_, first);
  }

  // Where a silent client would be sent, if the listener lets silence be an answer.
  std::unique_ptr<EarlyDial> DialEarly() {
    if (!listener_->spec.continue_on_first_bytes_timeout) return nullptr;
    const config::FilterChain* silent = selector_.Select(*path_.snapshots_.current());
    if (silent == nullptr || !silent->tcp) return nullptr;
    if (!path_.first_speakers_.MayDial(info_.destination)) return nullptr;
    if (!MayHearServerFirst(*path_.snapshots_.current(), *listener_, *silent, info_.destination)) return nullptr;
    return std::make_unique<EarlyDial>(Upstreams(), silent->shared_from_this(), info_, *stream_);
  }
  downstream::OpaqueDeps Upstreams() { return {reactor_, path_.snapshots_, path_.line_.picker, promised_}; }

  // What was dialled early serves the chain that it was dialled for, or nobody.
  downstream::Reached TakeEarly(downstream::OpaqueOutcome& outcome) {
    const std::unique_ptr<EarlyDial> early = std::move(early_);
    if (early == nullptr) return {};
    downstream::Reached reached = early->Take(outcome);
    path_.first_speakers_.Count(info_.destination, reached.stream != nullptr);
    return reached;
  }
  void DropEarly() {
    if (early_ != nullptr) path_.first_speakers_.Count(info_.destination, false);
    early_.reset();
  }

  Task<bool> LookAtFirstBytes() {
    const bool go_on = listener_->spec.continue_on_first_bytes_timeout;
    const config::Preamble preamble = listener_->PreambleFor(info_.destination);
    const runtime::TimePoint deadline = FirstBytesDeadline();
    FirstBytes first;
    first.received = TakeReceived();
    if (preamble == config::Preamble::kNone && first.received.empty()) early_ = DialEarly();
    const auto ended = co_await runtime::Within(reactor_, deadline, early_ ? &early_->server_spoke() : nullptr,
                                                ReadWhatComesFirst(preamble, first));
    verdict_ = std::move(first.verdict);
    if (ended.outcome == Outcome::kCancelled) {
      verdict_.protocol = detect::Protocol::kOpaque;  // the server speaks first
    } else if (ended.outcome != Outcome::kDone) {
      if (!go_on) co_return Refuse(Refusal(FailureKind::kTimeout, "no first bytes in time"));
      verdict_.protocol = detect::Protocol::kOpaque;
    }
    info_.stamps.first_byte = first.seen_at;
    if (first.ended && first.received.empty()) co_return false;
    if (!first.received.empty()) received_ = std::make_unique<base::ByteChain>(std::move(first.received));
    info_.sni = verdict_.hello.server_name;
    if (verdict_.protocol == detect::Protocol::kTls || verdict_.hello.name_kind == detect::NameKind::kUnreadable)
      info_.name_kind = detect::Name(verdict_.hello.name_kind);
    co_return true;
  }

  // A ClientHello that we cannot read might carry any name: no other chain takes it past one that denies.
  bool Denies(const config::FilterChain& chain) const {
    if (!detect::MayBeHidden(verdict_.hello.name_kind)) return false;
    if (chain.match.hidden_name == config::FilterChainMatchSpec::HiddenName::kDeny) return true;
    return verdict_.hello.name_kind == detect::NameKind::kUnreadable && listener_->DeniesHiddenNames(info_.destination);
  }

  // Pins the newest Snapshot. False: no filter chain takes this connection.
  bool SelectChain() {
    pin_ = path_.snapshots_.PinCurrent();
    chain_ = selector_.Select(*pin_.get());
    return chain_ != nullptr;
  }

  Task<bool> ChooseChain() {
    if (SelectChain() && chain_->needs_secret) {
      co_await runtime::Within(reactor_, held_until_, &path_.draining_, UntilSecretsCame());
      SelectChain();
    }
    if (chain_ == nullptr) {
      stream_->Reset();
      co_return Refuse(NoChain(*pin_.get(), info_, verdict_, "does not take"));
    }
    info_.filter_chain = chain_->name;
    if (early_ != nullptr && early_->chain() != chain_) DropEarly();
    if (Denies(*chain_)) {
      stream_->Reset();
      co_return Refuse(Refusal(FailureKind::kHiddenName, "a server name that is, or may be, encrypted"));
    }
    if (chain_->needs_secret) {
      stream_->Reset();
      co_return Refuse(
          Refusal(FailureKind::kNoConfig, "the certificate of filter chain " + chain_->name + " has not come"));
    }
    co_return true;
  }

  Task<bool> AcceptTls() {
    const runtime::Duration limit = chain_->tls_timeout;
    const runtime::TimePoint deadline = limit > runtime::Duration::zero() ? reactor_.now() + limit : runtime::kNever;
    auto secured = co_await tls::TlsStream::Accept(reactor_, std::move(stream_), chain_->tls, TakeReceived(), deadline);
    if (!secured.ok()) co_return Refuse(std::move(secured).failure());
    info_.tls = true;
    info_.stamps.tls_done = reactor_.now();
    info_.alpn = (*secured)->alpn();
    info_.sni = (*secured)->server_name();
    info_.peer_principal = std::string((*secured)->peer_uri());
    if ((*secured)->peer() != nullptr) client_root_ = (*secured)->peer()->root;
    if (!info_.peer_principal.empty()) info_.peer_certificate_sha256 = (*secured)->peer()->sha256;
    info_.local_principal = (*secured)->local_uri();
    if (verdict_.protocol == detect::Protocol::kNeedMore) {  // nobody had to look before
      verdict_ = {detect::Protocol::kTls, {info_.sni, {info_.alpn}}};
    }
    path_.observer_.OnTlsAccepted(info_);
    stream_ = std::move(*secured);
    co_return true;
  }

  Task<void> CarryHttp() {
    pin_ = config::WorkerSnapshots::Pin();  // each request pins its own
    // What the next Snapshot asks of the bytes, should it ask.
    if (verdict_.protocol == detect::Protocol::kNeedMore) verdict_.protocol = detect::Protocol::kHttp1;
    return downstream::ServeHttp1({reactor_, path_.snapshots_, path_.line_.first(), path_.observer_, ending_, revoked_},
                                  selector_, info_, *stream_, TakeReceived());
  }

  [[gnu::noinline]] Task<void> CarryOpaque() {
    const std::shared_ptr<const config::FilterChain> chain = chain_->shared_from_this();
    pin_ = config::WorkerSnapshots::Pin();  // it may live for days: no Snapshot is held, only its chain
    OpaqueReport report(path_.observer_, info_, *chain);
    const auto ended =
        co_await runtime::Within(reactor_, runtime::kNever, &revoked_, RelayOpaque(chain->tcp->spec, report.outcome));
    if (ended.outcome == Outcome::kDone) co_return;
    report.outcome.failed = true;
    report.outcome.failure = NoLonger();
    stream_->Reset();
  }
  // Apart, so that the bytes that it passes on are not kept in the frame above.
  Task<void> RelayOpaque(const config::TcpProxySpec& spec, downstream::OpaqueOutcome& outcome) {
    downstream::Reached early = TakeEarly(outcome);
    return downstream::ServeOpaque(Upstreams(), spec, info_, *stream_, TakeReceived(), outcome, std::move(early));
  }

  base::ByteChain TakeReceived() {
    const std::unique_ptr<base::ByteChain> received = std::move(received_);
    return received == nullptr ? base::ByteChain() : std::move(*received);
  }

  // Why a connection that stood was revoked.
  Failure NoLonger() const {
    if (client_untrusted_) {
      return Refusal(FailureKind::kDownstreamCertificate,
                     "untrusted_issuer: the root of the client's certificate is no longer trusted");
    }
    return NoChain(*path_.snapshots_.current(), info_, verdict_, "no longer takes");
  }

  bool Refuse(Failure failure) {
    path_.observer_.OnConnectionRefused(failure, info_);
    return false;
  }

  DataPath& path_;
  runtime::Reactor& reactor_;
  net::Fd fd_;
  http::ConnectionInfo info_;
  runtime::TimePoint held_until_;
  const config::Listener* listener_ = nullptr;  // until the next Snapshot
  std::unique_ptr<net::ByteStream> stream_;
  std::unique_ptr<EarlyDial> early_;           // uses stream_
  std::unique_ptr<base::ByteChain> received_;  // before the connection was understood; goes to who serves it
  detect::Verdict verdict_;
  ChainSelector selector_{info_, verdict_};
  config::WorkerSnapshots::Pin pin_;
  const config::FilterChain* chain_ = nullptr;           // while pin_ holds its Snapshot
  config::Preamble promised_ = config::Preamble::kNone;  // the client was told that the server has TLS
  bool carries_http_ = false;
  bool client_untrusted_ = false;            // why it was revoked
  uint64_t client_root_ = 0;                 // PeerIdentity::root
  runtime::Cancellation ending_{reactor_};   // a drain of HTTP, or revoked
  runtime::Cancellation revoked_{reactor_};  // the connection is no longer allowed
};

namespace {

Task<void> Drive(std::unique_ptr<ConnectionDriver> driver) { co_await driver->Serve(); }

}  // namespace

Task<void> ServeConnection(DataPath& path, std::string listener, accept::Accepted accepted) {
  return Drive(std::make_unique<ConnectionDriver>(path, std::move(listener), std::move(accepted)));
}

}  // namespace weft::app
