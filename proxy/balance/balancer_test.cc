#include "proxy/balance/balancer.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "proxy/http/context.h"

namespace weft::balance {
namespace {

// Keeps what it was given; never waits.
class LastStage final : public http::Service {
 public:
  runtime::Task<base::Result<http::Response>> Call(http::Request, http::Context&) override {
    ++calls;
    co_return base::Failure{};
  }
  int calls = 0;
};

std::shared_ptr<config::Cluster> MakeCluster(const std::string& name, config::Discovery discovery,
                                             bool healthy = true) {
  auto cluster = std::make_shared<config::Cluster>();
  cluster->spec.name = name;
  cluster->spec.discovery = discovery;
  cluster->state = std::make_shared<endpoint::ClusterState>(name);
  if (discovery == config::Discovery::kOriginalDst) return cluster;
  for (const char* address : {"10.0.0.1:80", "10.0.0.2:80"}) {
    config::Host& host = cluster->hosts.emplace_back();
    host.state = std::make_shared<endpoint::EndpointState>(name, *base::Address::Parse(address), "");
    host.healthy = healthy;
  }
  return cluster;
}

std::shared_ptr<config::Snapshot> SnapshotOf(std::initializer_list<std::shared_ptr<config::Cluster>> clusters) {
  auto snapshot = std::make_shared<config::Snapshot>();
  for (const auto& cluster : clusters) snapshot->clusters.emplace(cluster->spec.name, cluster);
  return snapshot;
}

// The host of the try before lived in a Snapshot that two swaps had freed, and resilience/ looked at it.
TEST(Balancer, ATryWithoutAnEndpointHasNotThatOfTheTryBefore) {
  runtime::Reactor reactor;
  config::WorkerSnapshots snapshots([](auto) {});
  Picker picker;
  LastStage next;
  Balancer balancer(snapshots, picker, next);
  http::ConnectionInfo connection;
  http::Context context(reactor, connection);
  http::RequestHead head;
  context.cluster_name = "a";

  snapshots.Swap(SnapshotOf({MakeCluster("a", config::Discovery::kStatic)}));
  {
    auto first = balancer.Call({head, nullptr}, context);
  }
  ASSERT_NE(context.host, nullptr);

  snapshots.Swap(SnapshotOf({MakeCluster("a", config::Discovery::kStatic, /*healthy=*/false)}));
  {
    auto unhealthy = balancer.Call({head, nullptr}, context);
  }
  EXPECT_EQ(context.host, nullptr);
  EXPECT_EQ(context.cluster, nullptr);
}

TEST(Picker, ForgetsClustersThatAreGone) {
  Picker picker;
  const auto stays = MakeCluster("stays", config::Discovery::kStatic);
  const base::Address destination = *base::Address::Parse("10.1.1.1:80");
  for (int i = 0; i < 100; ++i) {
    const auto one = MakeCluster("one", config::Discovery::kStatic);
    const auto there = MakeCluster("there", config::Discovery::kOriginalDst);
    ASSERT_NE(picker.Pick(*stays, destination, {}), nullptr);
    ASSERT_NE(picker.Pick(*one, destination, {}), nullptr);
    ASSERT_NE(picker.Pick(*there, destination, {}), nullptr);
    EXPECT_EQ(picker.remembered(), 3u);
    picker.Forget(*SnapshotOf({stays}));
    EXPECT_EQ(picker.remembered(), 1u);
  }
}

TEST(Picker, TheOnlyHostIsPickedWhileItIsUsable) {
  Picker picker;
  const auto cluster = MakeCluster("one", config::Discovery::kStatic);
  cluster->hosts.pop_back();
  config::Host& only = cluster->hosts.front();
  const endpoint::EndpointState* const tried[] = {only.state.get()};
  EXPECT_EQ(picker.Pick(*cluster, {}, {}), &only);
  EXPECT_EQ(picker.Pick(*cluster, {}, tried), &only);  // nobody else is left
  only.state->healthy.store(false);
  EXPECT_EQ(picker.Pick(*cluster, {}, {}), nullptr);
  only.state->healthy.store(true);
  only.weight = 0;
  EXPECT_EQ(picker.Pick(*cluster, {}, {}), nullptr);
}

}  // namespace
}  // namespace weft::balance
