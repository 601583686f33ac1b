// envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.
#include <chrono>
#include <cstdint>
#include <limits>

#include "proxy/config/parts.h"
#include "proxy/config/values.h"

namespace weft::config {
namespace {

using TcpProxy = envoy::extensions::filters::network::tcp_proxy::v3::TcpProxy;

void AddCluster(const std::string& name, uint32_t weight, const Place& place, std::vector<WeightedName>* to) {
  if (name.empty()) return place.Problem("the name of the cluster is empty");
  place.Refer(Reference::Kind::kTcpCluster, name);
  to->push_back({name, weight});
}

void ReadWeighted(const TcpProxy::WeightedCluster& message, const Place& place, std::vector<WeightedName>* to) {
  uint64_t total = 0;
  for (int i = 0; i < message.clusters_size(); ++i) {
    const Place at = place.Field("clusters", size_t(i));
    CheckFields(message.clusters(i), at, {.read = {"name", "weight"}});
    AddCluster(message.clusters(i).name(), message.clusters(i).weight(), at.Field("name"), to);
    if (message.clusters(i).weight() == 0) at.Field("weight").Problem("expected a weight of at least 1");
    total += message.clusters(i).weight();
  }
  if (message.clusters_size() == 0) place.Field("clusters").Problem("there is no cluster");
  if (total > std::numeric_limits<uint32_t>::max())
    place.Field("clusters").Problem("the weights add up to more than 4294967295");
}

}  // namespace

TcpProxySpec TcpFromXds(const TcpProxy& message, const Place& place) {
  CheckFields(
      message, place,
      {.read = {"stat_prefix", "cluster", "weighted_clusters", "idle_timeout", "max_connect_attempts", "access_log"},
       // hash_policy: only ring hash and Maglev look at it.
       .ignored = {"downstream_idle_timeout", "upstream_idle_timeout", "hash_policy",
                   "max_downstream_connection_duration", "backoff_options"}});
  TcpProxySpec spec;
  spec.stat_prefix = message.stat_prefix();
  switch (message.cluster_specifier_case()) {
    case TcpProxy::kCluster: AddCluster(message.cluster(), 1, place.Field("cluster"), &spec.clusters); break;
    case TcpProxy::kWeightedClusters:
      ReadWeighted(message.weighted_clusters(), place.Field("weighted_clusters"), &spec.clusters);
      break;
    case TcpProxy::CLUSTER_SPECIFIER_NOT_SET: place.Problem("expected one of cluster, weighted_clusters"); break;
  }
  spec.idle_timeout = message.has_idle_timeout() ? DurationOf(message.idle_timeout(), place.Field("idle_timeout"))
                                                 : Duration(std::chrono::hours(1));
  if (message.has_max_connect_attempts()) {
    spec.max_connect_attempts = message.max_connect_attempts().value();
    if (*spec.max_connect_attempts == 0) place.Field("max_connect_attempts").Problem("expected at least 1");
  }
  spec.access_logs = AccessLogsFromXds(message.access_log(), place);
  return spec;
}

}  // namespace weft::config
