#include "control/compile/inbound.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "control/compile/chains.h"
#include "control/compile/clusters.h"
#include "control/compile/outbound.h"

namespace weft::control::compile {
namespace {

namespace listener = envoy::config::listener::v3;
using model::MtlsMode;

// For the ClientHello of a peer: generous, because under strict its being late would be a refusal.
constexpr int64_t kFirstBytesSeconds = 5;

// MtlsMode is in the order of strictness.
void Tighten(MtlsMode mode, InboundPort* port) { port->mode = std::max(port->mode, mode); }

void AddService(const PortTopology& topology, const model::WorkloadEntry& workload, InboundPort* port) {
  port->handling.http |= topology.handling.http;
  port->handling.opaque |= topology.handling.opaque;
  const model::Name& name = topology.service->meta.name;
  port->sources.push_back(SourceName("Service", name));
  if (port->labels.service.empty()) {
    port->labels = {.service = name.name, .ns = name.ns, .version = VersionLabelOf(workload), .principal = ""};
  }
}

// Ports that a policy of the workload's namespace, or of the mesh, speaks of.
std::set<uint16_t> PortsOfPolicies(const model::World& world, const model::WorkloadEntry& workload) {
  std::set<uint16_t> ports;
  for (const auto& [name, policy] : world.peer_authentications) {
    if (name.ns != workload.meta.name.ns && name.ns != model::kMeshNamespace) continue;
    for (const auto& [port, mode] : policy.port_modes) ports.insert(port);
  }
  return ports;
}

void AddWorkload(const Topology& topology, const model::WorkloadEntry& workload, InboundPorts* found) {
  const model::World& world = topology.world();
  std::set<uint16_t> ports = PortsOfPolicies(world, workload);
  for (const auto& [name, port] : workload.ports) ports.insert(port);
  for (const model::Service* service : world.ServicesOf(workload)) {
    for (const model::ServicePort& declared : service->ports) {
      const uint16_t port = model::TargetPort(declared, workload);
      if (port == 0) continue;
      ports.insert(port);
      AddService(*topology.Find(service->meta.name, declared.port), workload, &found->ports[port]);
    }
  }
  const std::string source = SourceName("WorkloadEntry", workload.meta.name);
  for (const uint16_t number : ports) {
    InboundPort& port = found->ports[number];
    Tighten(world.MtlsModeOf(workload, number), &port);
    port.sources.push_back(source);
  }
  Tighten(world.MtlsModeOf(workload, 0), &found->others);
}

class InboundBuilder {
 public:
  explicit InboundBuilder(const model::World& world) : world_(world) {}

  InboundSide Build(const InboundPorts& ports) {
    made_.listener.set_name(std::string(kInboundListener));
    made_.listener.set_traffic_direction(envoy::config::core::v3::INBOUND);
    ListenEverywhere(kInboundPort, &made_.listener);
    for (const auto& [number, port] : ports.ports) AddPort(number, InboundCluster(number), port);
    // No default chain: that would also take what a strict port refuses. Chains without a port take the other ports
    // only.
    AddPort(std::nullopt, std::string(kInboundPassthroughCluster), ports.others);
    AddListenerFilter("original_dst", &made_.listener);
    AddListenerFilter("tls_inspector", &made_.listener);
    if (reads_http_) AddListenerFilter("http_inspector", &made_.listener);
    made_.listener.mutable_listener_filters_timeout()->set_seconds(kFirstBytesSeconds);
    made_.listener.set_continue_on_listener_filters_timeout(true);
    for (const auto& [number, port] : ports.ports) {  // for connections that are counted before their port says more
      if (port.labels.service.empty()) continue;
      FillLabels(port.labels, made_.listener.mutable_metadata());
      break;
    }
    return std::move(made_);
  }

 private:
  void AddPort(std::optional<uint16_t> number, const std::string& cluster, const InboundPort& port) {
    made_.clusters.push_back(OriginalDestinationCluster(cluster, port.labels));
    made_.links.clusters.push_back(cluster);
    made_.links.sources.insert(made_.links.sources.end(), port.sources.begin(), port.sources.end());
    if (port.mode != MtlsMode::kDisable) {
      AddMutual(number, cluster, Wire::kHttp);
      AddMutual(number, cluster, Wire::kOpaque);
    }
    if (port.mode == MtlsMode::kStrict) return;
    const bool opaque = port.handling.opaque || !port.handling.http;
    if (port.handling.http) {
      listener::FilterChain* chain = NewChain(number, cluster + "|plain-http", "raw_buffer");
      Carry(Wire::kHttp, cluster, chain);
      if (opaque) {
        chain->mutable_filter_chain_match()->add_application_protocols("http/1.0");
        chain->mutable_filter_chain_match()->add_application_protocols("http/1.1");
        reads_http_ = true;
      }
    }
    if (opaque) Carry(Wire::kOpaque, cluster, NewChain(number, cluster + "|plain-tcp", "raw_buffer"));
    // The application's own TLS stays sealed.
    Carry(Wire::kOpaque, cluster, NewChain(number, cluster + "|tls", "tls"));
  }

  void AddMutual(std::optional<uint16_t> number, const std::string& cluster, Wire wire) {
    listener::FilterChain* chain =
        NewChain(number, cluster + (wire == Wire::kHttp ? "|mutual-http" : "|mutual-tcp"), "tls");
    chain->mutable_filter_chain_match()->add_application_protocols(std::string(MeshAlpn(wire)));
    FillServerTls(world_.trust_domain, wire, chain->mutable_transport_socket());
    Carry(wire, cluster, chain);
  }

  listener::FilterChain* NewChain(std::optional<uint16_t> number, const std::string& name, const char* transport) {
    listener::FilterChain* chain = made_.listener.add_filter_chains();
    chain->set_name(name);
    if (number) chain->mutable_filter_chain_match()->mutable_destination_port()->set_value(*number);
    chain->mutable_filter_chain_match()->set_transport_protocol(transport);
    return chain;
  }

  void Carry(Wire wire, const std::string& cluster, listener::FilterChain* chain) {
    if (wire == Wire::kHttp) {
      AddHttp({.stat_prefix = cluster, .route_config = "", .cluster = cluster, .inbound = true}, world_.mesh.access_log,
              chain);
    } else {
      AddTcp({.stat_prefix = cluster, .clusters = {{cluster}}}, world_.mesh.access_log, chain);
    }
  }

  const model::World& world_;
  InboundSide made_;
  bool reads_http_ = false;
};

}  // namespace

InboundPorts FindInboundPorts(const Topology& topology, const std::string& ns,
                              const std::vector<const model::WorkloadEntry*>& workloads) {
  InboundPorts found;
  for (const model::WorkloadEntry* workload : workloads) AddWorkload(topology, *workload, &found);
  if (!workloads.empty()) return found;
  model::WorkloadEntry unknown;
  unknown.meta.name.ns = ns;
  Tighten(topology.world().MtlsModeOf(unknown, 0), &found.others);
  return found;
}

InboundSide MakeInbound(const Topology& topology, const InboundPorts& ports) {
  return InboundBuilder(topology.world()).Build(ports);
}

}  // namespace weft::control::compile
