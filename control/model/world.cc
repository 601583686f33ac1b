#include "control/model/world.h"

#include <algorithm>

namespace weft::control::model {
namespace {

bool Targets(const PeerAuthentication& policy, const Service& service) {
  return std::find(policy.services.begin(), policy.services.end(), service.meta.name.name) != policy.services.end();
}

// How near `policy` is to a workload, from 1 (nearest); 0: it is not about it.
int Nearness(const PeerAuthentication& policy, const WorkloadEntry& workload,
             const std::vector<const Service*>& services) {
  const bool same_namespace = policy.meta.name.ns == workload.meta.name.ns;
  if (policy.ForWholeNamespace()) {
    if (same_namespace) return 3;
    return policy.ForWholeMesh() ? 4 : 0;
  }
  if (!same_namespace) return 0;
  if (!policy.selector.empty()) return Selects(policy.selector, workload.labels) ? 1 : 0;
  for (const Service* service : services) {
    if (Targets(policy, *service)) return 2;
  }
  return 0;
}

}  // namespace

std::string_view MtlsModeName(MtlsMode mode) {
  switch (mode) {
    case MtlsMode::kUnset: return "UNSET";
    case MtlsMode::kDisable: return "DISABLE";
    case MtlsMode::kPermissive: return "PERMISSIVE";
    case MtlsMode::kStrict: return "STRICT";
  }
  return "unknown";
}

const Service* World::FindService(const Name& name) const {
  const auto it = services.find(name);
  return it == services.end() ? nullptr : &it->second;
}

std::vector<const WorkloadEntry*> World::WorkloadsOf(const Service& service) const {
  std::vector<const WorkloadEntry*> found;
  if (service.selector.empty()) return found;
  const std::string& ns = service.meta.name.ns;
  for (auto it = workloads.lower_bound(Name{ns, ""}); it != workloads.end() && it->first.ns == ns; ++it) {
    if (Selects(service.selector, it->second.labels)) found.push_back(&it->second);
  }
  return found;
}

std::vector<const Service*> World::ServicesOf(const WorkloadEntry& workload) const {
  std::vector<const Service*> found;
  const std::string& ns = workload.meta.name.ns;
  for (auto it = services.lower_bound(Name{ns, ""}); it != services.end() && it->first.ns == ns; ++it) {
    if (!it->second.selector.empty() && Selects(it->second.selector, workload.labels)) found.push_back(&it->second);
  }
  return found;
}

MtlsMode World::MtlsModeOf(const WorkloadEntry& workload, uint16_t port) const {
  const std::vector<const Service*> services_of = ServicesOf(workload);
  std::vector<std::pair<int, const PeerAuthentication*>> policies;
  for (const auto& [name, policy] : peer_authentications) {
    const int nearness = Nearness(policy, workload, services_of);
    if (nearness > 0) policies.emplace_back(nearness, &policy);
  }
  std::sort(policies.begin(), policies.end(), [](const auto& a, const auto& b) {
    if (a.first != b.first) return a.first < b.first;
    if (a.second->meta.created != b.second->meta.created) return a.second->meta.created < b.second->meta.created;
    return a.second->meta.name < b.second->meta.name;
  });
  for (const auto& [nearness, policy] : policies) {
    const auto it = policy->port_modes.find(port);
    if (it != policy->port_modes.end() && it->second != MtlsMode::kUnset) return it->second;
  }
  for (const auto& [nearness, policy] : policies) {
    if (policy->mode != MtlsMode::kUnset) return policy->mode;
  }
  return MtlsMode::kPermissive;
}

std::vector<const ServicePort*> World::PortsOf(Kind route, const RouteParent& parent) const {
  std::vector<const ServicePort*> found;
  const Service* service = FindService(parent.service);
  if (service == nullptr || service->headless) return found;
  for (const ServicePort& port : service->ports) {
    const bool named = parent.port == 0 || parent.port == port.port;
    if (named && CanRoute(route, port.protocol)) found.push_back(&port);
  }
  return found;
}

std::string World::CaOf(const BackendTlsPolicy& policy) const {
  std::string pem;
  for (const Name& ref : policy.ca_refs) {
    const auto it = config_maps.find(ref);
    if (it != config_maps.end()) pem += it->second.ca_pem;
  }
  return pem;
}

BackendTlsIndex::BackendTlsIndex(const World& world) {
  for (const auto& [name, policy] : world.backend_tls_policies) {
    for (const BackendTlsTarget& target : policy.targets) {
      const BackendTlsPolicy*& owner = owners_[{target.service, target.section}];
      if (owner == nullptr || policy.meta.Precedes(owner->meta)) owner = &policy;
    }
  }
}

const BackendTlsPolicy* BackendTlsIndex::OwnerOf(const BackendTlsTarget& target) const {
  const auto it = owners_.find({target.service, target.section});
  return it == owners_.end() ? nullptr : it->second;
}

const BackendTlsPolicy* BackendTlsIndex::Of(const Service& service, const ServicePort& port) const {
  if (port.protocol == Protocol::kTls) return nullptr;
  const BackendTlsPolicy* of_port =
      port.name.empty() ? nullptr : OwnerOf({.service = service.meta.name, .section = port.name});
  return of_port != nullptr ? of_port : OwnerOf({.service = service.meta.name, .section = ""});
}

}  // namespace weft::control::model
