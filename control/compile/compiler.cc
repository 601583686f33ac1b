#include "control/compile/compiler.h"

#include <algorithm>
#include <set>
#include <utility>

#include "control/compile/clusters.h"
#include "control/compile/inbound.h"
#include "control/compile/l4_routes.h"
#include "control/compile/names.h"
#include "control/compile/outbound.h"
#include "control/compile/routes.h"

namespace weft::control::compile {
namespace {

constexpr size_t At(ResourceType type) { return static_cast<size_t>(type); }

ResourceLinks Of(const model::Service& service) {
  ResourceLinks links;
  links.sources.push_back(SourceName("Service", service.meta.name));
  return links;
}

ResourceLinks LinksOfEndpoints(const PortTopology& port) {
  ResourceLinks links = Of(*port.service);
  for (const EndpointOf& endpoint : port.endpoints)
    links.sources.push_back(SourceName("WorkloadEntry", endpoint.workload->meta.name));
  return links;
}

// Makes what all proxies share.
class SharedBuilder {
 public:
  SharedBuilder(const Topology& topology, ResourceCache& cache) : topology_(topology), cache_(cache) {}

  std::array<std::shared_ptr<const TypeConfig>, kResourceTypes> Build() {
    AddRoutes();
    for (const PortTopology& port : topology_.ports()) {
      if (port.service->addresses.empty() || !port.handling.opaque) continue;
      for (std::string& name : ClustersOf(L4WaysOf(port, topology_))) routed_to_.insert(std::move(name));
    }
    for (const PortTopology& port : topology_.ports()) AddBalanced(port);
    AddOutbound();
    std::array<std::shared_ptr<const TypeConfig>, kResourceTypes> types;
    for (int i = 0; i < kResourceTypes; ++i) types[i] = MakeTypeConfig(std::move(made_[i]));
    return types;
  }

 private:
  void Add(ResourceType type, const std::string& name, const google::protobuf::Message& message, ResourceLinks links) {
    made_[At(type)].push_back(cache_.Encode(type, name, message, std::move(links)));
  }

  void AddRoutes() {
    const AttachedRoutes attached(topology_);
    for (const PortTopology& port : topology_.ports()) {
      if (!port.handling.http || port.service->addresses.empty()) continue;
      RoutesOfPort routes = MakeRoutes(port, attached.Of(port), topology_);
      routed_to_.insert(routes.links.clusters.begin(), routes.links.clusters.end());
      Add(ResourceType::kRoute, routes.config.name(), routes.config, std::move(routes.links));
    }
  }

  void AddBalanced(const PortTopology& port) {
    // Those of a virtual IP are there also while no route names them, so that a route's change is seldom one of
    // clusters.
    const bool virtual_ip = !port.service->addresses.empty();
    const bool begins_tls = port.backend_tls != nullptr && port.handling.opaque;
    bool any = false;
    for (const auto [wire, always] :
         {std::pair(Wire::kHttp, port.handling.http), std::pair(Wire::kOpaque, port.handling.opaque),
          std::pair(Wire::kSealed, begins_tls)}) {
      const std::string name = OutboundCluster(port, wire);
      if (!(always && virtual_ip) && routed_to_.count(name) == 0) continue;
      any = true;
      ResourceLinks links = Of(*port.service);
      links.needs.push_back(EndpointsName(port));
      if (port.backend_tls != nullptr)
        links.sources.push_back(SourceName("BackendTLSPolicy", port.backend_tls->meta.name));
      Add(ResourceType::kCluster, name, BalancedCluster(port, wire, topology_.world()), std::move(links));
    }
    if (any) Add(ResourceType::kEndpoint, EndpointsName(port), EndpointsOfPort(port), LinksOfEndpoints(port));
  }

  void AddOutbound() {
    OutboundSide outbound = MakeOutbound(topology_);
    for (const auto& [cluster, service] : outbound.clusters)
      Add(ResourceType::kCluster, cluster.name(), cluster, Of(*service));
    if (topology_.world().mesh.outbound != model::OutboundPolicy::kRegistryOnly) {
      const std::string name(kPassthroughCluster);
      Add(ResourceType::kCluster, name, OriginalDestinationCluster(name, Labels()), ResourceLinks());
    }
    Add(ResourceType::kListener, outbound.listener.name(), outbound.listener, std::move(outbound.links));
  }

  const Topology& topology_;
  ResourceCache& cache_;
  std::vector<ResourcePtr> made_[kResourceTypes];
  std::set<std::string> routed_to_;  // clusters that some route names
};

std::shared_ptr<const TypeConfig> Joined(const TypeConfig& shared, const std::vector<ResourcePtr>& own) {
  std::vector<ResourcePtr> all = shared.resources;
  all.insert(all.end(), own.begin(), own.end());
  return MakeTypeConfig(std::move(all));
}

std::string Problem(const Resource& resource, std::string_view kind, const std::string& name) {
  return std::string(ShortName(resource.type)) + " " + resource.name + ": " + std::string(kind) + " " + name +
         " does not exist";
}

}  // namespace

std::vector<std::string> DanglingReferences(const ProxyConfig& config) {
  std::vector<std::string> problems;
  for (const auto& type : config.types) {
    for (const ResourcePtr& resource : type->resources) {
      const bool is_cluster = resource->type == ResourceType::kCluster;
      const TypeConfig& needed = config.Of(is_cluster ? ResourceType::kEndpoint : ResourceType::kRoute);
      for (const std::string& name : resource->needs) {
        if (needed.Find(name) == nullptr)
          problems.push_back(Problem(*resource, is_cluster ? "endpoints" : "routes", name));
      }
      for (const std::string& name : resource->clusters) {
        if (config.Of(ResourceType::kCluster).Find(name) == nullptr)
          problems.push_back(Problem(*resource, "cluster", name));
      }
    }
  }
  return problems;
}

Compiler::Compiler(std::shared_ptr<const model::World> world, ResourceCache& cache)
    : world_(std::move(world)), topology_(*world_), cache_(cache), shared_(SharedBuilder(topology_, cache).Build()) {
  ProxyConfig shared;
  shared.types = shared_;
  problems_ = DanglingReferences(shared);
}

std::vector<const model::WorkloadEntry*> Compiler::WorkloadsOf(const ProxyIdentity& proxy) const {
  std::vector<const model::WorkloadEntry*> found;
  for (auto it = world_->workloads.lower_bound({proxy.ns, ""});
       it != world_->workloads.end() && it->first.ns == proxy.ns; ++it) {
    const model::WorkloadEntry& workload = it->second;
    if (workload.service_account != proxy.service_account) continue;
    const auto& addresses = proxy.addresses;
    if (!addresses.empty() && std::find(addresses.begin(), addresses.end(), workload.address) == addresses.end())
      continue;
    found.push_back(&workload);
  }
  return found;
}

std::shared_ptr<const ProxyConfig> Compiler::ConfigFor(const ProxyIdentity& proxy) const {
  Kind kind{"", WorkloadsOf(proxy)};
  if (kind.workloads.empty()) kind.ns = proxy.ns;
  absl::MutexLock lock(&mutex_);
  std::shared_ptr<const ProxyConfig>& known = by_kind_[kind];
  if (known == nullptr) known = Make(kind);
  return known;
}

std::shared_ptr<const ProxyConfig> Compiler::Make(const Kind& kind) const {
  InboundSide inbound = MakeInbound(topology_, FindInboundPorts(topology_, kind.ns, kind.workloads));
  const ResourcePtr listener =
      cache_.Encode(ResourceType::kListener, inbound.listener.name(), inbound.listener, inbound.links);
  std::vector<ResourcePtr> clusters;
  std::string key = listener->hash;
  for (const auto& cluster : inbound.clusters) {
    ResourceLinks links;
    links.sources = inbound.links.sources;
    clusters.push_back(cache_.Encode(ResourceType::kCluster, cluster.name(), cluster, std::move(links)));
    key += clusters.back()->hash;
  }
  std::shared_ptr<const ProxyConfig>& alike = by_inbound_[key];
  if (alike == nullptr) {
    auto made = std::make_shared<ProxyConfig>();
    made->revision = world_->revision;
    made->types = shared_;
    made->types[At(ResourceType::kCluster)] = Joined(*shared_[At(ResourceType::kCluster)], clusters);
    made->types[At(ResourceType::kListener)] = Joined(*shared_[At(ResourceType::kListener)], {listener});
    alike = std::move(made);
  }
  return alike;
}

}  // namespace weft::control::compile
