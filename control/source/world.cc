#include "control/source/world.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace weft::control::source {
namespace {

struct Putter {
  model::World& world;

  void operator()(model::Service& service) { world.services.insert_or_assign(service.meta.name, std::move(service)); }
  void operator()(model::WorkloadEntry& entry) { world.workloads.insert_or_assign(entry.meta.name, std::move(entry)); }
  void operator()(model::HttpRoute& route) { world.routes.insert_or_assign(route.meta.name, std::move(route)); }
  void operator()(model::PeerAuthentication& policy) {
    world.peer_authentications.insert_or_assign(policy.meta.name, std::move(policy));
  }
  void operator()(model::MeshConfig& mesh) { world.mesh = std::move(mesh); }
};

model::ObjectKey KeyOf(const model::Service& service) { return {model::Kind::kService, service.meta.name}; }

// Claims of services on hosts or addresses; the one that was there first keeps it.
class Claims {
 public:
  Claims(const CheckerOf& checker_of, const char* field) : checker_of_(checker_of), field_(field) {}

  void Add(const model::Service& service, const std::string& what) {
    const auto [other, is_new] = owners_.emplace(what, &service);
    if (is_new || other->second == &service) return;
    const model::Service* first = other->second;
    // Whoever of the two is new in this request hears of it.
    Checker* checker = checker_of_(KeyOf(service));
    if (checker == nullptr) {
      checker = checker_of_(KeyOf(*first));
      first = &service;
    }
    if (checker != nullptr) {
      checker->Error(field_, absl::StrCat(schema::Quoted(what), " belongs to ", KeyOf(*first).ToString(), " already"));
    }
  }

 private:
  const CheckerOf& checker_of_;
  const char* const field_;
  std::map<std::string, const model::Service*> owners_;
};

Verdict Good(const char* type, const char* reason) { return {{type, true, reason, ""}, ""}; }
Verdict Bad(const char* type, const char* reason, std::string field, std::string message) {
  return {{type, false, reason, std::move(message)}, std::move(field)};
}

std::string ServiceText(const model::Name& name) { return "Service/" + name.ToString(); }

Verdict JudgeParents(const model::World& world, const model::HttpRoute& route) {
  for (size_t i = 0; i < route.parents.size(); ++i) {
    const model::RouteParent& parent = route.parents[i];
    const std::string field = At("spec.parentRefs", i), text = ServiceText(parent.service);
    const model::Service* service = world.FindService(parent.service);
    if (service == nullptr) return Bad("Accepted", "NoMatchingParent", field, text + " does not exist");
    if (parent.port == 0) continue;
    const model::ServicePort* port = service->FindPort(parent.port);
    if (port == nullptr) {
      return Bad("Accepted", "NoMatchingParent", field + ".port", absl::StrCat(text, " has no port ", parent.port));
    }
    if (port->protocol == model::Protocol::kTcp || port->protocol == model::Protocol::kTls) {
      return Bad("Accepted", "UnsupportedProtocol", field + ".port",
                 absl::StrCat("port ", parent.port, " of ", text, " is ", std::string(ProtocolName(port->protocol)),
                              ", which has no HTTP requests to route"));
    }
  }
  return Good("Accepted", "Accepted");
}

Verdict JudgeBackends(const model::World& world, const model::HttpRoute& route) {
  for (size_t i = 0; i < route.rules.size(); ++i) {
    const std::vector<model::Backend>& backends = route.rules[i].backends;
    for (size_t j = 0; j < backends.size(); ++j) {
      const std::string field = At(At("spec.rules", i) + ".backendRefs", j), text = ServiceText(backends[j].service);
      const model::Service* service = world.FindService(backends[j].service);
      if (service == nullptr) return Bad("ResolvedRefs", "BackendNotFound", field + ".name", text + " does not exist");
      if (service->FindPort(backends[j].port) == nullptr) {
        return Bad("ResolvedRefs", "BackendNotFound", field + ".port",
                   absl::StrCat(text, " has no port ", backends[j].port));
      }
    }
  }
  return Good("ResolvedRefs", "ResolvedRefs");
}

Verdict JudgeEndpoints(const model::World& world, const model::Service& service) {
  if (service.selector.empty()) {
    return Bad("ResolvedRefs", "NoSelector", "spec.selector", "is empty, so no workload answers");
  }
  const std::vector<const model::WorkloadEntry*> workloads = world.WorkloadsOf(service);
  if (workloads.empty()) return Bad("ResolvedRefs", "NoWorkloads", "spec.selector", "selects no WorkloadEntry");
  for (size_t i = 0; i < service.ports.size(); ++i) {
    const model::ServicePort& port = service.ports[i];
    const auto has_it = [&](const model::WorkloadEntry* workload) { return model::TargetPort(port, *workload) != 0; };
    if (std::none_of(workloads.begin(), workloads.end(), has_it)) {
      return Bad("ResolvedRefs", "NoTargetPort", At("spec.ports", i) + ".targetPort",
                 absl::StrCat("no selected WorkloadEntry has a port named ", schema::Quoted(port.target_name)));
    }
  }
  return Good("ResolvedRefs", "ResolvedRefs");
}

Verdict JudgeTargets(const model::World& world, const model::PeerAuthentication& policy) {
  for (size_t i = 0; i < policy.services.size(); ++i) {
    const model::Name service{policy.meta.name.ns, policy.services[i]};
    if (world.FindService(service) != nullptr) continue;
    return Bad("ResolvedRefs", "TargetNotFound", At("spec.targetRefs", i) + ".name",
               ServiceText(service) + " does not exist");
  }
  return Good("ResolvedRefs", "ResolvedRefs");
}

}  // namespace

void Put(model::World& world, ModelObject object) { std::visit(Putter{world}, object); }

void Remove(model::World& world, const model::ObjectKey& key) {
  switch (key.kind) {
    case model::Kind::kService: world.services.erase(key.name); break;
    case model::Kind::kWorkloadEntry: world.workloads.erase(key.name); break;
    case model::Kind::kHttpRoute: world.routes.erase(key.name); break;
    case model::Kind::kPeerAuthentication: world.peer_authentications.erase(key.name); break;
    case model::Kind::kMeshConfig: world.mesh = model::MeshConfig(); break;
  }
}

void CheckConflicts(const model::World& world, const CheckerOf& checker_of) {
  Claims hosts(checker_of, "spec.hosts"), addresses(checker_of, "spec.addresses");
  for (const auto& [name, service] : world.services) {
    // The first host is the bare name, which is of its namespace only.
    for (size_t i = 1; i < service.hosts.size(); ++i) hosts.Add(service, service.hosts[i]);
    for (const std::string& address : service.addresses) addresses.Add(service, address);
  }
}

std::vector<Verdict> Judge(const model::World& world, const model::ObjectKey& key) {
  if (key.kind == model::Kind::kHttpRoute) {
    const auto route = world.routes.find(key.name);
    if (route != world.routes.end()) return {JudgeParents(world, route->second), JudgeBackends(world, route->second)};
  }
  if (key.kind == model::Kind::kService) {
    if (const model::Service* service = world.FindService(key.name)) {
      return {Good("Accepted", "Accepted"), JudgeEndpoints(world, *service)};
    }
  }
  if (key.kind == model::Kind::kPeerAuthentication) {
    const auto policy = world.peer_authentications.find(key.name);
    if (policy != world.peer_authentications.end()) {
      return {Good("Accepted", "Accepted"), JudgeTargets(world, policy->second)};
    }
  }
  return {Good("Accepted", "Accepted"), Good("ResolvedRefs", "ResolvedRefs")};
}

}  // namespace weft::control::source
