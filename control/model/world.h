// Every object of the mesh as of one revision: what control/compile turns into the proxies' configuration.
// Built by control/source from the store; never changed afterwards, so it is shared between threads as
// shared_ptr<const World>.
#ifndef WEFT_CONTROL_MODEL_WORLD_H_
#define WEFT_CONTROL_MODEL_WORLD_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "control/model/backend_tls.h"
#include "control/model/http_route.h"
#include "control/model/l4_route.h"
#include "control/model/meta.h"
#include "control/model/policy.h"
#include "control/model/service.h"

namespace weft::control::model {

struct World {
  int64_t revision = 0;
  std::string trust_domain = "cluster.local";
  std::map<Name, Service> services;
  std::map<Name, WorkloadEntry> workloads;
  std::map<Name, HttpRoute> routes;
  std::map<Name, TcpRoute> tcp_routes;
  std::map<Name, TlsRoute> tls_routes;
  std::map<Name, BackendTlsPolicy> backend_tls_policies;
  std::map<Name, ConfigMap> config_maps;
  std::map<Name, PeerAuthentication> peer_authentications;
  MeshConfig mesh;  // the defaults when there is no such object

  const Service* FindService(const Name& name) const;

  // Workloads that answer for `service`, by name. Pointers into this World.
  std::vector<const WorkloadEntry*> WorkloadsOf(const Service& service) const;
  // Services (same namespace) that `workload` answers for, by name.
  std::vector<const Service*> ServicesOf(const WorkloadEntry& workload) const;

  // The mode for `workload`'s port: port, workload selector, targetRefs, namespace, mesh, then PERMISSIVE.
  // Of several objects at one step the oldest wins, then the first by name. Never kUnset.
  MtlsMode MtlsModeOf(const WorkloadEntry& workload, uint16_t port) const;

  // The ports that a route of this kind shapes through `parent`: of the parent those that it names, without those on
  // which such a route can do nothing. None when the service does not exist, or has no virtual IP to route at.
  std::vector<const ServicePort*> PortsOf(Kind route, const RouteParent& parent) const;

  // The trusted certificates of the policy's ConfigMaps, those of them that can be read. Empty with system_roots, and
  // when there are none: then no certificate is to be trusted.
  std::string CaOf(const BackendTlsPolicy& policy) const;
};

// Which policy says how TLS begins on each service port: one that names the port before one for the whole service, then
// the older, then the first by name. Points into the World.
class BackendTlsIndex {
 public:
  explicit BackendTlsIndex(const World& world);

  // Null: none; never one for a port whose clients encrypt themselves (Protocol::kTls).
  const BackendTlsPolicy* Of(const Service& service, const ServicePort& port) const;
  // The one of all that have this very target that wins.
  const BackendTlsPolicy* OwnerOf(const BackendTlsTarget& target) const;

 private:
  std::map<std::pair<Name, std::string>, const BackendTlsPolicy*> owners_;  // by service and section
};

}  // namespace weft::control::model

#endif  // WEFT_CONTROL_MODEL_WORLD_H_
