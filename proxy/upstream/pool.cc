#include "proxy/upstream/pool.h"

#include <algorithm>

#include "absl/container/flat_hash_set.h"
#include "proxy/detect/proxy_header.h"
#include "proxy/net/relay.h"
#include "proxy/net/socket_stream.h"
#include "proxy/runtime/wait.h"
#include "proxy/tls/stream.h"

namespace weft::upstream {
namespace {

// A request that must not run twice goes only over a connection that was idle for no longer than this, or than 0.8 of
// the idle time after which this endpoint was seen to close.
constexpr runtime::Duration kFreshIdle = std::chrono::milliseconds(250);

// A connection that names its client serves nobody else, and he may be gone.
constexpr runtime::Duration kNamedIdleTimeout = std::chrono::seconds(15);

// Younger connections are also closed by an endpoint that ends or is cut off. One such close teaches nothing, or a
// restart would keep all later requests of that kind from ever using a kept-alive connection again; a second one like
// it does.
constexpr runtime::Duration kShortestIdleTimeout = std::chrono::milliseconds(100);

bool IsFresh(const Connection& connection, const endpoint::EndpointState& endpoint, runtime::TimePoint now) {
  runtime::Duration limit = kFreshIdle;
  if (const int64_t learnt = endpoint.learnt_idle_timeout_ms.load(); learnt > 0) {
    limit = std::min<runtime::Duration>(limit, std::chrono::milliseconds(learnt) * 8 / 10);
  }
  return now - connection.idle_since() <= limit;
}

base::Failure ConnectTimeout(const base::Address& address, runtime::Duration limit) {
  base::Failure failure;
  failure.kind = base::FailureKind::kConnectTimeout;
  failure.origin = base::Origin::kUpstream;
  failure.phase = base::Phase::kConnect;
  failure.retry = base::RetrySafety::kNotSent;
  failure.detail = "connect to " + address.ToString() + " took longer than " +
                   std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(limit).count()) + " ms";
  return failure;
}

struct Transport {
  std::unique_ptr<net::ByteStream> stream;
  std::string peer_principal;
};

base::Failure ClosedAtOnce(const base::Address& address) {
  return base::Failure{base::FailureKind::kConnectFailed, base::Origin::kUpstream, base::Phase::kConnect,
                       base::RetrySafety::kNotSent, address.ToString() + " closed before the PROXY header was sent"};
}

runtime::Task<base::Result<Transport>> Connect(runtime::Reactor& reactor, base::Address address,
                                               net::DialOptions options, std::string proxy_header,
                                               std::shared_ptr<const tls::ClientContext> tls,
                                               tls::ConnectOptions secure, telemetry::TryStamps* stamps) {
  auto connected = co_await net::Dial(reactor, address, options);
  if (!connected.ok()) co_return std::move(connected).failure();
  stamps->connected = reactor.now();
  if (!proxy_header.empty()) {
    base::ByteChain header;
    header.AppendCopy(proxy_header);
    if (!co_await net::WriteAll(**connected, std::move(header))) co_return ClosedAtOnce(address);
  }
  if (tls == nullptr) co_return Transport{std::move(*connected), {}};
  auto secured = co_await tls::TlsStream::Connect(reactor, std::move(*connected), std::move(tls), std::move(secure),
                                                  runtime::kNever);
  if (!secured.ok()) co_return std::move(secured).failure();
  stamps->tls_done = reactor.now();
  std::string peer((*secured)->peer_uri());
  co_return Transport{std::move(*secured), std::move(peer)};
}

}  // namespace

Pool::Pool(runtime::Reactor& reactor, const config::Cluster& cluster, const config::Host& host,
           std::string proxy_header)
    : reactor_(reactor),
      endpoint_(host.state),
      cluster_(cluster.state),
      tls_(host.tls),
      proxy_header_(std::move(proxy_header)),
      dial_options_{.kind = cluster.spec.discovery == config::Discovery::kOriginalDst ? net::OwnTraffic::kStraight
                                                                                      : net::OwnTraffic::kToPeer},
      connect_timeout_(cluster.spec.connect_timeout),
      idle_timeout_(proxy_header_.empty() ? cluster.spec.idle_timeout : kNamedIdleTimeout),
      max_requests_per_connection_(cluster.spec.max_requests_per_connection) {}

Pool::~Pool() { WEFT_CHECK(idle_.empty()); }

std::unique_ptr<Connection> Pool::Unlink(Connection* connection) {
  connection->ListNode::Unlink();
  --idle_count_;
  return std::unique_ptr<Connection>(connection);
}

std::unique_ptr<Connection> Pool::TakeIdle(bool may_send_twice) {
  while (Connection* newest = idle_.back()) {
    if (!may_send_twice && !IsFresh(*newest, *endpoint_, reactor_.now())) return nullptr;  // older ones are no fresher
    std::unique_ptr<Connection> connection = Unlink(newest);
    connection->BecomeBusy();
    if (!may_send_twice && connection->stream().PeerHasClosed()) continue;
    return connection;
  }
  return nullptr;
}

runtime::Task<base::Result<std::unique_ptr<Connection>>> Pool::Dial(telemetry::TryStamps* stamps) {
  const std::shared_ptr<Pool> self = shared_from_this();
  stamps->dialled = reactor_.now();
  endpoint_->connects.fetch_add(1);
  auto ended = co_await runtime::Within(reactor_, reactor_.now() + connect_timeout_, nullptr,
                                        Connect(reactor_, endpoint_->address, dial_options_, proxy_header_, tls_,
                                                tls::ConnectOptions::For(tls_.get(), endpoint_->hostname), stamps));
  if (ended.outcome == runtime::Outcome::kDeadline) {
    endpoint_->connect_failures.fetch_add(1);
    co_return ConnectTimeout(endpoint_->address, connect_timeout_);
  }
  if (!ended.value->ok()) {
    endpoint_->connect_failures.fetch_add(1);
    co_return std::move(*ended.value).failure();
  }
  Transport& transport = **ended.value;
  co_return std::make_unique<Connection>(self, std::move(transport.stream), std::move(transport.peer_principal));
}

void Pool::Return(std::unique_ptr<Connection> connection) {
  const bool worn = max_requests_per_connection_ > 0 && connection->requests >= max_requests_per_connection_;
  if (!connection->reusable || worn || retired_ || connection->feed().has_bytes() || connection->HasSomethingToRead() ||
      idle_count_ >= PoolSet::kMaxIdlePerPool) {
    return;  // the destructor closes it
  }
  Connection* idle = connection.release();
  idle->BecomeIdle(reactor_.now());
  idle_.PushBack(idle);
  ++idle_count_;
  if (!armed()) ArmIdleTimer();
}

// A restart closes many connections at once, each at an age of its own; an idle timeout closes them one idle time
// apart.
bool Pool::IsSecondOfItsKind(std::chrono::milliseconds idle_for) {
  const runtime::TimePoint now = reactor_.now();
  const bool apart = now - short_close_at_ >= idle_for;
  const bool alike = idle_for.count() > 0 && idle_for <= 2 * short_close_age_ && short_close_age_ <= 2 * idle_for;
  if (apart) {
    short_close_at_ = now;
    short_close_age_ = idle_for;
  }
  return apart && alike;
}

void Pool::CloseIdle(Connection* connection) {
  const std::shared_ptr<Pool> self = shared_from_this();  // the connection may hold the last reference
  const auto idle_for =
      std::chrono::duration_cast<std::chrono::milliseconds>(reactor_.now() - connection->idle_since());
  if (idle_for >= kShortestIdleTimeout || IsSecondOfItsKind(idle_for)) {
    endpoint_->learnt_idle_timeout_ms.store(idle_for.count());
  }
  Unlink(connection).reset();
}

void Pool::CloseAllIdle() {
  const std::shared_ptr<Pool> self = shared_from_this();
  while (Connection* connection = idle_.front()) Unlink(connection).reset();
}

void Pool::ArmIdleTimer() {
  if (Connection* oldest = idle_.front(); oldest != nullptr && idle_timeout_ > runtime::Duration::zero()) {
    reactor_.timers().Arm(this, oldest->idle_since() + idle_timeout_);
  }
}

void Pool::OnTimer() {
  const std::shared_ptr<Pool> self = shared_from_this();
  while (Connection* oldest = idle_.front()) {
    if (oldest->idle_since() + idle_timeout_ > reactor_.now()) break;
    Unlink(oldest).reset();
  }
  ArmIdleTimer();
}

Pool& PoolSet::For(const config::Cluster& cluster, const config::Host& host, const http::ConnectionInfo& client) {
  if (pools_.size() >= drop_unused_at_) DropUnused();
  std::string proxy_header = detect::WriteProxyHeader(cluster.spec.proxy_header, client.peer, client.destination);
  std::shared_ptr<Pool>& pool = pools_[Key(host.state.get(), host.transport_key, proxy_header)];
  if (pool == nullptr) pool = std::make_shared<Pool>(reactor_, cluster, host, std::move(proxy_header));
  if (pool->tls_ != host.tls) pool->tls_ = host.tls;
  return *pool;
}

// Destinations that no configuration lists (ORIGINAL_DST) come without end, and without a swap that would sweep them. A
// pool that has no connection and that nobody holds is as good as a new one.
void PoolSet::DropUnused() {
  absl::erase_if(pools_, [](const auto& entry) { return entry.second->idle() == 0 && entry.second.use_count() == 1; });
  drop_unused_at_ = std::max(kFewPools, 2 * pools_.size());
}

void PoolSet::Sweep(const config::Snapshot& snapshot) {
  absl::flat_hash_set<std::pair<const endpoint::EndpointState*, uint64_t>> live;
  absl::flat_hash_set<const config::Cluster*> listed;  // whose hosts are in `live`: only of those that are in use here
  for (auto it = pools_.begin(); it != pools_.end();) {
    Pool& pool = *it->second;
    const config::Cluster* cluster = snapshot.FindCluster(pool.cluster().name);
    if (cluster != nullptr && listed.insert(cluster).second) {
      for (const config::Host& host : cluster->hosts) live.emplace(host.state.get(), host.transport_key);
    }
    // ORIGINAL_DST hosts are not listed in the Snapshot: their pools go when they are empty or their cluster is gone.
    const bool by_destination = cluster != nullptr && cluster->spec.discovery == config::Discovery::kOriginalDst;
    const bool keep = by_destination ? cluster->state.get() == &pool.cluster() && pool.idle() > 0
                                     : live.contains({std::get<0>(it->first), std::get<1>(it->first)});
    if (keep) {
      ++it;
      continue;
    }
    const std::shared_ptr<Pool> gone = it->second;
    gone->retired_ = true;
    gone->CloseAllIdle();
    pools_.erase(it++);
  }
}

void PoolSet::CloseIdle() {
  for (auto& [key, pool] : pools_) pool->CloseAllIdle();
}

size_t PoolSet::idle_connections() const {
  size_t count = 0;
  for (const auto& [key, pool] : pools_) count += pool->idle();
  return count;
}

}  // namespace weft::upstream
