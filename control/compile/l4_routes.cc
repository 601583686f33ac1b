#include "control/compile/l4_routes.h"

#include <algorithm>
#include <set>

#include "control/compile/names.h"

namespace weft::control::compile {
namespace {

std::vector<WeightedCluster> SharesOf(const model::L4Route& route, bool sealed, const Topology& topology) {
  std::vector<WeightedCluster> shares;
  for (const model::Backend& backend : route.backends) {
    if (backend.weight == 0) continue;
    const PortTopology* port = topology.Find(backend.service, backend.port);
    const std::string name = port == nullptr ? std::string(kInvalidBackend)
                                             : OutboundCluster(*port, sealed ? SealedWire(*port) : Wire::kOpaque);
    const auto same = [&](const WeightedCluster& share) { return share.name == name; };
    const auto it = std::find_if(shares.begin(), shares.end(), same);
    if (it == shares.end()) {
      shares.push_back({name, backend.weight});
    } else {
      it->weight += backend.weight;
    }
  }
  if (shares.empty()) shares.push_back({std::string(kInvalidBackend)});
  return shares;
}

void AddClusters(const std::vector<WeightedCluster>& shares, std::vector<std::string>* to) {
  for (const WeightedCluster& share : shares) {
    if (share.name != kInvalidBackend) to->push_back(share.name);
  }
}

}  // namespace

L4Ways L4WaysOf(const PortTopology& port, const Topology& topology) {
  L4Ways ways;
  if (port.tcp_route != nullptr) {
    // On a port that is declared TLS everything is the client's own.
    ways.sealed = SharesOf(*port.tcp_route, /*sealed=*/true, topology);
    const bool tls = port.port->protocol == model::Protocol::kTls;
    ways.bytes = tls ? ways.sealed : SharesOf(*port.tcp_route, /*sealed=*/false, topology);
  } else {
    ways.bytes = {{OutboundCluster(port, Wire::kOpaque)}};
    ways.sealed = {{OutboundCluster(port, SealedWire(port))}};
  }
  std::set<std::string> taken;
  for (const model::TlsRoute* route : port.tls_routes) {
    ServerNames names{.hosts = {}, .clusters = SharesOf(*route, /*sealed=*/true, topology), .route = route};
    for (const std::string& host : route->hostnames) {
      if (taken.insert(host).second) names.hosts.push_back(host);
    }
    if (!names.hosts.empty()) ways.by_name.push_back(std::move(names));
  }
  return ways;
}

std::vector<std::string> ClustersOf(const L4Ways& ways) {
  std::vector<std::string> clusters;
  AddClusters(ways.bytes, &clusters);
  AddClusters(ways.sealed, &clusters);
  for (const ServerNames& names : ways.by_name) AddClusters(names.clusters, &clusters);
  return clusters;
}

}  // namespace weft::control::compile
