// Every object of the mesh as of one revision: what control/compile turns into the proxies' configuration.
// Built by control/source from the store; never changed afterwards, so it is shared between threads as
// shared_ptr<const World>.
#ifndef WEFT_CONTROL_MODEL_WORLD_H_
#define WEFT_CONTROL_MODEL_WORLD_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "control/model/http_route.h"
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
};

}  // namespace weft::control::model

#endif  // WEFT_CONTROL_MODEL_WORLD_H_
