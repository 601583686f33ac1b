#include "proxy/downstream/opaque_server.h"

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/random/random.h"
#include "proxy/detect/proxy_header.h"
#include "proxy/downstream/upstream_opening.h"
#include "proxy/net/socket_stream.h"
#include "proxy/runtime/wait.h"
#include "proxy/tls/stream.h"

namespace weft::downstream {
namespace {

using base::Failure;
using base::FailureKind;
using base::Result;
using runtime::Task;

constexpr size_t kMaxTries = 4;  // without a word of the configuration

const std::string& ChooseCluster(const config::TcpProxySpec& spec) {
  static thread_local absl::InsecureBitGen random;
  if (spec.clusters.size() == 1) return spec.clusters[0].name;
  uint64_t total = 0;
  for (const auto& cluster : spec.clusters) total += cluster.weight;
  uint64_t at = total == 0 ? 0 : absl::Uniform<uint64_t>(random, 0, total);
  for (const auto& cluster : spec.clusters) {
    if (at < cluster.weight) return cluster.name;
    at -= cluster.weight;
  }
  return spec.clusters.back().name;
}

struct Target {
  endpoint::EndpointPtr endpoint;
  endpoint::ClusterPtr cluster;
  std::shared_ptr<const tls::ClientContext> tls;
  runtime::Duration connect_timeout{};
  net::OwnTraffic kind = net::OwnTraffic::kToPeer;
  std::string proxy_header{};  // sent first
  config::Preamble preamble = config::Preamble::kNone;
};

Task<Result<std::unique_ptr<net::ByteStream>>> Connect(runtime::Reactor& reactor, Target target,
                                                       telemetry::TryStamps* stamps) {
  stamps->dialled = reactor.now();
  auto connected = co_await net::Dial(reactor, target.endpoint->address, net::DialOptions{.kind = target.kind});
  if (!connected.ok()) co_return std::move(connected).failure();
  stamps->connected = reactor.now();
  // A sidecar passes on what comes out of the mesh's TLS: the question is for the server behind it.
  const bool asks_inside = target.tls != nullptr && target.tls->is_of_mesh();
  const config::Preamble before_tls = asks_inside ? config::Preamble::kNone : target.preamble;
  if (!target.proxy_header.empty() || before_tls != config::Preamble::kNone) {
    if (auto failure = co_await OpenUpstream(**connected, target.proxy_header, before_tls))
      co_return std::move(*failure);
  }
  if (target.tls == nullptr) co_return std::move(*connected);
  auto secured = co_await tls::TlsStream::Connect(reactor, std::move(*connected), target.tls,
                                                  tls::ConnectOptions::For(target.tls.get(), target.endpoint->hostname),
                                                  runtime::kNever);
  if (!secured.ok()) co_return std::move(secured).failure();
  stamps->tls_done = reactor.now();
  if (asks_inside && target.preamble != config::Preamble::kNone) {
    if (auto failure = co_await OpenUpstream(**secured, {}, target.preamble)) co_return std::move(*failure);
  }
  co_return std::unique_ptr<net::ByteStream>(std::move(*secured));
}

// Whether the server is asked for TLS as the client asked us: not where the client's TLS ended here and what goes on is
// plain, or in the mesh's own.
bool AsksForTls(const http::ConnectionInfo& info, const config::Host& host) {
  return !info.tls || (host.tls != nullptr && !host.tls->is_of_mesh());
}

class GoneListener final : public net::ByteStream::HangupListener {
 public:
  explicit GoneListener(net::ByteStream& stream, runtime::Cancellation& gone) : stream_(stream), gone_(gone) {
    stream_.SetHangupListener(this);
  }
  ~GoneListener() { stream_.SetHangupListener(nullptr); }
  void OnHangup() override { gone_.Cancel(); }

 private:
  net::ByteStream& stream_;
  runtime::Cancellation& gone_;
};

Failure NotRouted(FailureKind kind, std::string detail) {
  return Failure{kind, base::Origin::kProxy, base::Phase::kRouting, base::RetrySafety::kNever, std::move(detail)};
}

// Connects to one endpoint after another until one answers. With `max_attempts` the same one again where there is no
// other (as Envoy does).
Task<Result<std::unique_ptr<net::ByteStream>>> TryEndpoints(OpaqueDeps deps, http::ConnectionInfo& info,
                                                            net::ByteStream& client, std::string cluster_name,
                                                            std::optional<uint32_t> max_attempts, Target& target,
                                                            OpaqueOutcome& outcome) {
  runtime::Cancellation gone(deps.reactor);
  GoneListener listener(client, gone);
  std::array<const endpoint::EndpointState*, kMaxTries> tried{};
  for (size_t i = 0;; ++i) {
    const config::Snapshot* snapshot = deps.snapshots.current();
    const config::Cluster* cluster = snapshot->FindCluster(cluster_name);
    if (cluster == nullptr) co_return NotRouted(FailureKind::kNoCluster, "no cluster " + cluster_name);
    const config::Host* host = deps.picker.Pick(*cluster, info.destination, tried);
    if (host == nullptr) co_return NotRouted(FailureKind::kNoHealthyEndpoint, "no healthy endpoint in " + cluster_name);
    const bool straight = cluster->spec.discovery == config::Discovery::kOriginalDst;
    target = Target{host->state, cluster->state, host->tls, cluster->spec.connect_timeout,
                    straight ? net::OwnTraffic::kStraight : net::OwnTraffic::kToPeer};
    target.proxy_header = detect::WriteProxyHeader(cluster->spec.proxy_header, info.peer, info.destination);
    if (AsksForTls(info, *host)) target.preamble = deps.preamble;
    outcome.endpoint = host->state->address;
    outcome.service = host->service.empty() ? cluster->spec.service : host->service;
    outcome.version = host->version;
    outcome.stamps = telemetry::TryStamps();
    outcome.stamps.started = deps.reactor.now();
    target.endpoint->connects.fetch_add(1);
    auto ended = co_await runtime::Within(deps.reactor, deps.reactor.now() + target.connect_timeout, &gone,
                                          Connect(deps.reactor, target, &outcome.stamps));
    if (ended.outcome == runtime::Outcome::kCancelled) co_return NotRouted(FailureKind::kDownstreamClosed, "");
    if (ended.outcome == runtime::Outcome::kDone && ended.value->ok()) co_return std::move(**ended.value);
    target.endpoint->connect_failures.fetch_add(1);
    Failure failure =
        ended.outcome == runtime::Outcome::kDone
            ? std::move(ended.value->failure())
            : Failure{FailureKind::kConnectTimeout, base::Origin::kUpstream, base::Phase::kConnect,
                      base::RetrySafety::kNotSent, "connect to " + outcome.endpoint.ToString() + " timed out"};
    tried[i % kMaxTries] = target.endpoint.get();
    const config::Cluster* again = deps.snapshots.current()->FindCluster(cluster_name);
    if (i + 1 >= max_attempts.value_or(kMaxTries) || again == nullptr) co_return failure;
    if (!max_attempts && !balance::Picker::HasOther(*again, tried)) co_return failure;
  }
}

}  // namespace

// Not inlined: the frames of the tries go when there is a connection.
[[gnu::noinline]] Task<Reached> Reach(OpaqueDeps deps, const config::TcpProxySpec& spec, http::ConnectionInfo& info,
                                      net::ByteStream& client, OpaqueOutcome& outcome) {
  outcome.cluster = ChooseCluster(spec);
  Target target;
  auto stream = co_await TryEndpoints(deps, info, client, outcome.cluster, spec.max_connect_attempts, target, outcome);
  if (stream.ok()) co_return Reached{std::move(*stream), std::move(target.endpoint), std::move(target.cluster)};
  outcome.failed = true;
  outcome.failure = std::move(stream.failure());
  co_return Reached();
}

namespace {

// The upstream side. Counts a connection in the endpoint's and the cluster's load while it lives.
class Load {
 public:
  explicit Load(Reached reached) : reached_(std::move(reached)) {
    reached_.endpoint->active_connections.fetch_add(1);
    reached_.cluster->active_connections.fetch_add(1);
  }
  ~Load() {
    reached_.endpoint->active_connections.fetch_sub(1);
    reached_.cluster->active_connections.fetch_sub(1);
  }
  net::ByteStream& stream() { return *reached_.stream; }

 private:
  const Reached reached_;
};

// Signals when nothing has moved for the idle time.
class IdleWatch final : private runtime::Timer {
 public:
  IdleWatch(runtime::Reactor& reactor, runtime::Duration limit, const net::RelayCounters& counters,
            runtime::Cancellation& idle)
      : reactor_(reactor), limit_(limit), begun_(reactor.now()), counters_(counters), idle_(idle) {
    reactor_.timers().Arm(this, begun_ + limit_);
  }

 private:
  void OnTimer() override {
    const runtime::TimePoint deadline = std::max(begun_, counters_.last_byte) + limit_;
    if (deadline <= reactor_.now()) return idle_.Cancel();
    reactor_.timers().Arm(this, deadline);
  }

  runtime::Reactor& reactor_;
  const runtime::Duration limit_;
  const runtime::TimePoint begun_;
  const net::RelayCounters& counters_;
  runtime::Cancellation& idle_;
};

// As long as something moves now and then.
Task<void> WhileNotIdle(runtime::Reactor& reactor, runtime::Duration limit, const net::RelayCounters& counters,
                        Task<void> relay) {
  runtime::Cancellation idle(reactor);
  const IdleWatch watch(reactor, limit, counters, idle);
  co_await runtime::Within(reactor, runtime::kNever, &idle, std::move(relay));
}

// Makes sure of the upstream side, and passes on what it said before the relay began. Not inlined, as Reach(). False:
// nobody is there any more on one of the sides.
[[gnu::noinline]] Task<bool> HaveUpstream(OpaqueDeps deps, const config::TcpProxySpec& spec, http::ConnectionInfo& info,
                                          net::ByteStream& client, OpaqueOutcome& outcome, Reached& reached) {
  if (reached.stream == nullptr) reached = co_await Reach(deps, spec, info, client, outcome);
  if (reached.stream == nullptr) {
    client.Reset();  // it learns that nobody is there, as it would without us
    co_return false;
  }
  const std::unique_ptr<base::ByteChain> spoken = std::move(reached.spoken);
  if (spoken == nullptr) co_return true;
  net::RelayCounters& counters = outcome.relayed;
  counters.to_downstream += spoken->size();
  counters.first_byte_from_upstream = counters.last_byte = deps.reactor.now();
  co_return co_await net::WriteAll(client, std::move(*spoken));
}

// `received` and `early` are pointers because a parameter lives as long as its coroutine.
Task<void> Carry(OpaqueDeps deps, const config::TcpProxySpec& spec, http::ConnectionInfo& info, net::ByteStream& stream,
                 std::unique_ptr<base::ByteChain> received, OpaqueOutcome& outcome, std::unique_ptr<Reached> early) {
  if (!co_await HaveUpstream(deps, spec, info, stream, outcome, *early)) co_return;
  Load load(std::move(*early));
  early.reset();
  Task<void> relay = net::Relay(deps.reactor, stream, load.stream(), std::move(*received), outcome.relayed);
  received.reset();
  if (spec.idle_timeout != runtime::Duration::zero())
    relay = WhileNotIdle(deps.reactor, spec.idle_timeout, outcome.relayed, std::move(relay));
  co_await std::move(relay);
}

}  // namespace

Task<void> ServeOpaque(OpaqueDeps deps, const config::TcpProxySpec& spec, http::ConnectionInfo& info,
                       net::ByteStream& stream, base::ByteChain received, OpaqueOutcome& outcome, Reached early) {
  return Carry(deps, spec, info, stream, std::make_unique<base::ByteChain>(std::move(received)), outcome,
               std::make_unique<Reached>(std::move(early)));
}

}  // namespace weft::downstream
