#include "proxy/endpoint/registry.h"

namespace weft::endpoint {

ClusterPtr Registry::Cluster(const std::string& name) {
  std::weak_ptr<ClusterState>& slot = clusters_[name];
  ClusterPtr state = slot.lock();
  if (!state) slot = state = std::make_shared<ClusterState>(name);
  return state;
}

EndpointPtr Registry::Endpoint(const std::string& cluster, const base::Address& address, const std::string& hostname) {
  std::weak_ptr<EndpointState>& slot = endpoints_[{cluster, address.ToString()}];
  EndpointPtr state = slot.lock();
  if (!state || state->hostname != hostname) slot = state = std::make_shared<EndpointState>(cluster, address, hostname);
  return state;
}

void Registry::Sweep() {
  std::erase_if(clusters_, [](const auto& entry) { return entry.second.expired(); });
  std::erase_if(endpoints_, [](const auto& entry) { return entry.second.expired(); });
}

}  // namespace weft::endpoint
