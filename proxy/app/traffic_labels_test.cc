#include "proxy/app/traffic_labels.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "proxy/telemetry/metrics.h"

namespace weft::app {
namespace {

std::shared_ptr<const config::Cluster> MakeCluster(const std::string& name) {
  auto cluster = std::make_shared<config::Cluster>();
  cluster->spec.name = name;
  cluster->state = std::make_shared<endpoint::ClusterState>(name);
  return cluster;
}

// Of requests on one connection the header stood at the same address, and all were counted for the first one's cluster.
TEST(TrafficLabels, AClusterNamedByAHeaderIsNotTheOneBefore) {
  telemetry::Metrics metrics;
  TrafficLabels labels(metrics.AddWorker([](std::function<void()> work) { work(); }));
  config::Snapshot snapshot;
  for (const char* name : {"a", "b"}) snapshot.clusters.emplace(name, MakeCluster(name));
  runtime::Reactor reactor;
  http::ConnectionInfo connection;
  http::Context context(reactor, connection);
  context.snapshot = &snapshot;
  char header[] = "a";
  context.cluster_name = header;
  const uint16_t first = labels.OfRequest(context).destination;
  header[0] = 'b';
  const uint16_t second = labels.OfRequest(context).destination;
  EXPECT_NE(first, second);
  header[0] = 'a';
  EXPECT_EQ(labels.OfRequest(context).destination, first);
}

}  // namespace
}  // namespace weft::app
