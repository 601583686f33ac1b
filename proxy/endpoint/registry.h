// Registry gives out the one ClusterState per name and the one EndpointState per cluster and address, so that state
// survives config changes. Main thread only. It keeps weak references: an object dies with its last user (Snapshot,
// pool, request).
#ifndef WEFT_PROXY_ENDPOINT_REGISTRY_H_
#define WEFT_PROXY_ENDPOINT_REGISTRY_H_

#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "proxy/endpoint/state.h"

namespace weft::endpoint {

class Registry {
 public:
  ClusterPtr Cluster(const std::string& name);
  EndpointPtr Endpoint(const std::string& cluster, const base::Address& address, const std::string& hostname);
  // Forgets what nobody uses any more. Call after a config change.
  void Sweep();

 private:
  std::map<std::string, std::weak_ptr<ClusterState>> clusters_;
  std::map<std::pair<std::string, std::string>, std::weak_ptr<EndpointState>> endpoints_;  // (cluster, address text)
};

}  // namespace weft::endpoint

#endif  // WEFT_PROXY_ENDPOINT_REGISTRY_H_
