#include "control/compile/topology.h"

#include <algorithm>
#include <set>
#include <tuple>

namespace weft::control::compile {
namespace {

std::vector<EndpointOf> EndpointsOf(const model::World& world, const model::ServicePort& port,
                                    const std::vector<const model::WorkloadEntry*>& workloads) {
  std::vector<EndpointOf> endpoints;
  std::set<std::pair<std::string, uint16_t>> seen;
  for (const model::WorkloadEntry* workload : workloads) {
    EndpointOf endpoint;
    endpoint.workload = workload;
    endpoint.port = model::TargetPort(port, *workload);
    if (endpoint.port == 0 || workload->weight == 0) continue;
    if (!seen.emplace(workload->address, endpoint.port).second) continue;
    endpoint.mutual = workload->mutual_tls && world.MtlsModeOf(*workload, endpoint.port) != model::MtlsMode::kDisable;
    if (endpoint.mutual) endpoint.principal = PrincipalOf(world, *workload);
    endpoints.push_back(std::move(endpoint));
  }
  return endpoints;
}

std::vector<std::string> PrincipalsOf(const std::vector<EndpointOf>& endpoints) {
  std::vector<std::string> principals;
  for (const EndpointOf& endpoint : endpoints) {
    if (endpoint.mutual) principals.push_back(endpoint.principal);
  }
  std::sort(principals.begin(), principals.end());
  principals.erase(std::unique(principals.begin(), principals.end()), principals.end());
  return principals;
}

// Less: owns an address before the other.
auto Precedence(const PortTopology& port) {
  return std::make_tuple(!port.service->headless, port.service->meta.created, port.service->meta.name, port.port->port);
}

}  // namespace

Handling HandlingOf(model::Protocol protocol) {
  return {.http = model::ReadsHttp(protocol), .opaque = model::CarriesBytes(protocol)};
}

std::string PrincipalOf(const model::World& world, const model::WorkloadEntry& workload) {
  return "spiffe://" + world.trust_domain + "/ns/" + workload.meta.name.ns + "/sa/" + workload.service_account;
}

std::string VersionLabelOf(const model::WorkloadEntry& workload) {
  for (const char* label : {"version", "app.kubernetes.io/version"}) {
    const auto it = workload.labels.find(label);
    if (it != workload.labels.end()) return it->second;
  }
  return "";
}

Topology::Topology(const model::World& world) : world_(world) {
  for (const auto& [name, service] : world.services) {
    const std::vector<const model::WorkloadEntry*> workloads = world.WorkloadsOf(service);
    for (const model::ServicePort& port : service.ports) {
      PortTopology topology;
      topology.service = &service;
      topology.port = &port;
      topology.handling = HandlingOf(port.protocol);
      topology.endpoints = EndpointsOf(world, port, workloads);
      topology.principals = PrincipalsOf(topology.endpoints);
      by_name_.emplace(std::make_pair(name, port.port), ports_.size());
      ports_.push_back(std::move(topology));
    }
  }
  for (const auto& [name, workload] : world.workloads) by_address_.emplace(workload.address, &workload);
  AttachRoutes();
  AttachBackendTls();
  FindOwners();
}

void Topology::AttachRoutes() {
  // Those ports of a route's parents that it can shape.
  const auto attach = [this](model::Kind kind, const auto& routes, auto to_port) {
    for (const auto& [name, route] : routes) {
      for (const model::RouteParent& parent : route.parents) {
        for (const model::ServicePort* port : world_.PortsOf(kind, parent)) {
          to_port(ports_[by_name_.at({parent.service, port->port})], route);
        }
      }
    }
  };
  std::set<const PortTopology*> requests;
  attach(model::Kind::kHttpRoute, world_.routes, [&](PortTopology& port, const auto&) { requests.insert(&port); });
  attach(model::Kind::kTcpRoute, world_.tcp_routes, [](PortTopology& port, const model::TcpRoute& route) {
    if (port.tcp_route == nullptr || route.meta.Precedes(port.tcp_route->meta)) port.tcp_route = &route;
  });
  attach(model::Kind::kTlsRoute, world_.tls_routes, [](PortTopology& port, const model::TlsRoute& route) {
    if (port.tls_routes.empty() || port.tls_routes.back() != &route) port.tls_routes.push_back(&route);
  });
  for (PortTopology& port : ports_) {
    std::sort(port.tls_routes.begin(), port.tls_routes.end(),
              [](const model::TlsRoute* a, const model::TlsRoute* b) { return a->meta.Precedes(b->meta); });
    // Who splits the connections of an undeclared port, and routes no requests, has said that they are not to be read.
    if (port.tcp_route != nullptr && requests.count(&port) == 0) port.handling = {.http = false, .opaque = true};
  }
}

void Topology::AttachBackendTls() {
  const model::BackendTlsIndex index(world_);
  for (PortTopology& port : ports_) port.backend_tls = index.Of(*port.service, *port.port);
}

void Topology::FindOwners() {
  for (size_t i = 0; i < ports_.size(); ++i) {
    for (const EndpointOf& endpoint : ports_[i].endpoints) {
      const auto [it, fresh] = owners_.emplace(std::make_pair(endpoint.workload->address, endpoint.port), i);
      if (!fresh && Precedence(ports_[i]) < Precedence(ports_[it->second])) it->second = i;
    }
  }
}

const PortTopology* Topology::Find(const model::Name& service, uint16_t port) const {
  const auto it = by_name_.find(std::make_pair(service, port));
  return it == by_name_.end() ? nullptr : &ports_[it->second];
}

const PortTopology* Topology::OwnerOf(const std::string& address, uint16_t port) const {
  const auto it = owners_.find(std::make_pair(address, port));
  return it == owners_.end() ? nullptr : &ports_[it->second];
}

std::vector<const model::WorkloadEntry*> Topology::WorkloadsAt(const std::string& address) const {
  std::vector<const model::WorkloadEntry*> found;
  const auto [first, last] = by_address_.equal_range(address);
  for (auto it = first; it != last; ++it) found.push_back(it->second);
  return found;
}

}  // namespace weft::control::compile
