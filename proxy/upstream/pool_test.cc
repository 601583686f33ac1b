#include "proxy/upstream/pool.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "proxy/net/memory_stream.h"

namespace weft::upstream {
namespace {

const http::ConnectionInfo kClient;

config::Host HostAt(const std::string& cluster, int number) {
  config::Host host;
  const std::string ip = "10." + std::to_string(number >> 16) + "." + std::to_string((number >> 8) & 255) + "." +
                         std::to_string(number & 255);
  host.state = std::make_shared<endpoint::EndpointState>(cluster, *base::Address::FromIp(ip, 80), "");
  return host;
}

std::shared_ptr<config::Cluster> MakeCluster(const std::string& name, config::Discovery discovery) {
  auto cluster = std::make_shared<config::Cluster>();
  cluster->spec.name = name;
  cluster->spec.discovery = discovery;
  cluster->state = std::make_shared<endpoint::ClusterState>(name);
  return cluster;
}

// Each destination of an ORIGINAL_DST cluster left a pool behind until the next change of configuration.
TEST(PoolSet, DestinationsThatPassLeaveNothingBehind) {
  runtime::Reactor reactor;
  PoolSet pools(reactor);
  const auto cluster = MakeCluster("passthrough", config::Discovery::kOriginalDst);
  const config::Host busy = HostAt("passthrough", 1 << 20);
  const std::shared_ptr<Pool> held = pools.For(*cluster, busy, kClient).shared_from_this();
  for (int i = 0; i < 10'000; ++i) pools.For(*cluster, HostAt("passthrough", i), kClient);
  EXPECT_LE(pools.size(), 512u);
  EXPECT_EQ(&pools.For(*cluster, busy, kClient), held.get());  // somebody uses it
}

// After a restart of the endpoint, which closed connections that had been idle for a millisecond, no POST found a fresh
// connection any more.
TEST(Pool, ARestartOfTheEndpointIsNoIdleTimeout) {
  runtime::FakeClock clock;
  runtime::Reactor reactor(clock);
  PoolSet pools(reactor);
  auto cluster = MakeCluster("a", config::Discovery::kStatic);
  cluster->hosts = {HostAt("a", 1)};
  Pool& pool = pools.For(*cluster, cluster->hosts[0], kClient);
  const auto close_after = [&](runtime::Duration idle) {
    auto [ours, peers] = net::MemoryStream::Pair(reactor);
    pool.Return(std::make_unique<Connection>(pool.shared_from_this(), std::move(ours), ""));
    EXPECT_EQ(pool.idle(), 1u);
    clock.Advance(idle);
    reactor.RunOnce(runtime::Duration::zero());
    peers->Close();
    reactor.RunOnce(runtime::Duration::zero());
    EXPECT_EQ(pool.idle(), 0u);
    return pool.endpoint().learnt_idle_timeout_ms.load();
  };
  EXPECT_EQ(close_after(std::chrono::milliseconds(2)), 0);
  EXPECT_EQ(close_after(std::chrono::milliseconds(150)), 150);
  EXPECT_EQ(close_after(std::chrono::milliseconds(20)), 150);
  EXPECT_EQ(close_after(std::chrono::milliseconds(21)), 21) << "the second time it is a habit";
}

// A PROXY header names one client: his connections are nobody else's.
TEST(PoolSet, AClientThatIsNamedHasAPoolOfHisOwn) {
  runtime::Reactor reactor;
  PoolSet pools(reactor);
  auto cluster = MakeCluster("a", config::Discovery::kStatic);
  cluster->hosts = {HostAt("a", 1)};
  const config::Host& host = cluster->hosts[0];
  http::ConnectionInfo one, other;
  one.peer = *base::Address::Parse("10.0.0.1:1000");
  one.destination = other.destination = *base::Address::Parse("10.0.0.9:80");
  other.peer = *base::Address::Parse("10.0.0.1:1001");
  EXPECT_EQ(&pools.For(*cluster, host, one), &pools.For(*cluster, host, other));
  cluster->spec.proxy_header = config::ProxyHeaderVersion::k2;
  EXPECT_NE(&pools.For(*cluster, host, one), &pools.For(*cluster, host, other));
  EXPECT_EQ(&pools.For(*cluster, host, one), &pools.For(*cluster, host, one));
  const std::weak_ptr<Pool> named = pools.For(*cluster, host, one).weak_from_this();
  config::Snapshot snapshot;
  snapshot.clusters.emplace("a", cluster);
  pools.Sweep(snapshot);
  EXPECT_FALSE(named.expired()) << "still configured";
}

TEST(PoolSet, SweepLeavesWhatIsConfigured) {
  runtime::Reactor reactor;
  PoolSet pools(reactor);
  auto cluster = MakeCluster("a", config::Discovery::kEds);
  cluster->hosts = {HostAt("a", 1), HostAt("a", 2)};
  const auto gone = MakeCluster("gone", config::Discovery::kEds);
  const config::Host of_gone = HostAt("gone", 1);
  const std::weak_ptr<Pool> first = pools.For(*cluster, cluster->hosts[0], kClient).weak_from_this();
  const std::weak_ptr<Pool> second = pools.For(*cluster, cluster->hosts[1], kClient).weak_from_this();
  const std::weak_ptr<Pool> third = pools.For(*gone, of_gone, kClient).weak_from_this();

  auto next = std::make_shared<config::Cluster>(*cluster);
  next->hosts.pop_back();
  config::Snapshot snapshot;
  snapshot.clusters.emplace("a", next);
  pools.Sweep(snapshot);
  EXPECT_FALSE(first.expired());
  EXPECT_TRUE(second.expired());
  EXPECT_TRUE(third.expired());

  next = std::make_shared<config::Cluster>(*next);
  next->hosts[0].transport_key = 7;  // other transport settings: not this pool's any more
  snapshot.clusters["a"] = next;
  pools.Sweep(snapshot);
  EXPECT_EQ(pools.size(), 0u);
}

}  // namespace
}  // namespace weft::upstream
