#include "control/source/world.h"

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
  void operator()(model::TcpRoute& route) { world.tcp_routes.insert_or_assign(route.meta.name, std::move(route)); }
  void operator()(model::TlsRoute& route) { world.tls_routes.insert_or_assign(route.meta.name, std::move(route)); }
  void operator()(model::BackendTlsPolicy& policy) {
    world.backend_tls_policies.insert_or_assign(policy.meta.name, std::move(policy));
  }
  void operator()(model::ConfigMap& map) { world.config_maps.insert_or_assign(map.meta.name, std::move(map)); }
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

}  // namespace

void Put(model::World& world, ModelObject object) { std::visit(Putter{world}, object); }

void Remove(model::World& world, const model::ObjectKey& key) {
  switch (key.kind) {
    case model::Kind::kService: world.services.erase(key.name); break;
    case model::Kind::kWorkloadEntry: world.workloads.erase(key.name); break;
    case model::Kind::kHttpRoute: world.routes.erase(key.name); break;
    case model::Kind::kPeerAuthentication: world.peer_authentications.erase(key.name); break;
    case model::Kind::kMeshConfig: world.mesh = model::MeshConfig(); break;
    case model::Kind::kTcpRoute: world.tcp_routes.erase(key.name); break;
    case model::Kind::kTlsRoute: world.tls_routes.erase(key.name); break;
    case model::Kind::kBackendTlsPolicy: world.backend_tls_policies.erase(key.name); break;
    case model::Kind::kConfigMap: world.config_maps.erase(key.name); break;
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

}  // namespace weft::control::source
