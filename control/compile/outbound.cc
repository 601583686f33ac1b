#include "control/compile/outbound.h"

#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>

#include "control/compile/chains.h"
#include "control/compile/clusters.h"
#include "control/compile/l4_routes.h"

namespace weft::control::compile {
namespace {

namespace listener = envoy::config::listener::v3;

// A client that says nothing may be waiting for the server to speak first: then the connection goes on as bytes.
constexpr int64_t kFirstBytesSeconds = 1;

struct Destination {
  std::vector<std::string> addresses;
  uint16_t port = 0;
};

// Where the chains of one destination lead.
struct Target {
  const PortTopology* port = nullptr;
  std::string name;          // of the chain
  std::string route_config;  // of HTTP; empty: all to http_cluster
  std::string http_cluster;
  L4Ways ways;  // of everything else
};

class OutboundBuilder {
 public:
  explicit OutboundBuilder(const Topology& topology) : topology_(topology), log_(topology.world().mesh.access_log) {}

  OutboundSide Build() {
    made_.listener.set_name(std::string(kOutboundListener));
    made_.listener.set_traffic_direction(envoy::config::core::v3::OUTBOUND);
    ListenEverywhere(kOutboundPort, &made_.listener);
    // Virtual IPs before endpoints: what is claimed once is not claimed again, as two equal matches would be refused.
    for (const PortTopology& port : topology_.ports()) AddVirtualIps(port);
    for (const PortTopology& port : topology_.ports()) AddEndpoints(port);
    AddTheRest();
    AddListenerFilter("original_dst", &made_.listener);
    if (detects_) {
      AddListenerFilter("tls_inspector", &made_.listener);
      AddListenerFilter("http_inspector", &made_.listener);
      made_.listener.mutable_listener_filters_timeout()->set_seconds(kFirstBytesSeconds);
      made_.listener.set_continue_on_listener_filters_timeout(true);
    }
    return std::move(made_);
  }

 private:
  void AddVirtualIps(const PortTopology& port) {
    Destination destination{Claim(port.service->addresses, port.port->port), port.port->port};
    if (destination.addresses.empty()) return;
    AddChains(destination, {.port = &port,
                            .name = "outbound|" + PortName(port),
                            .route_config = RouteConfigName(port),
                            .http_cluster = "",
                            .ways = L4WaysOf(port, topology_)});
    if (port.handling.http) made_.links.needs.push_back(RouteConfigName(port));
  }

  // Of the endpoints that count for this service port, by what is alike: where they listen, and whether they take
  // mutual TLS.
  void AddEndpoints(const PortTopology& port) {
    std::map<std::pair<uint16_t, bool>, std::vector<std::string>> groups;
    for (const EndpointOf& endpoint : port.endpoints) {
      if (topology_.OwnerOf(endpoint.workload->address, endpoint.port) != &port) continue;
      groups[{endpoint.port, endpoint.mutual}].push_back(endpoint.workload->address);
    }
    std::set<std::string> clusters;
    for (const auto& [key, addresses] : groups) {
      const auto [number, mutual] = key;
      Destination destination{Claim(addresses, number), number};
      if (destination.addresses.empty()) continue;
      Target target{.port = &port,
                    .name = "direct|" + PortName(port) + "|" + std::to_string(number) + (mutual ? "" : "|plain"),
                    .route_config = "",
                    .http_cluster = DirectCluster(port, Wire::kHttp, mutual),
                    .ways = {.bytes = {{DirectCluster(port, Wire::kOpaque, mutual)}},
                             .sealed = {{DirectCluster(port, SealedWire(port), mutual)}},
                             .by_name = {}}};
      AddChains(destination, target);
      for (const auto [wire, wanted] :
           {std::pair(Wire::kHttp, port.handling.http), std::pair(Wire::kOpaque, port.handling.opaque),
            std::pair(SealedWire(port), port.handling.opaque)}) {
        if (wanted && clusters.insert(DirectCluster(port, wire, mutual)).second) AddDirect(port, wire, mutual);
      }
    }
  }

  void AddDirect(const PortTopology& port, Wire wire, bool mutual) {
    made_.clusters.emplace_back(ClusterToNamedEndpoint(port, wire, mutual, topology_.world()), port.service);
    made_.links.clusters.push_back(made_.clusters.back().first.name());
  }

  void AddTheRest() {
    if (topology_.world().mesh.outbound == model::OutboundPolicy::kRegistryOnly) return;
    listener::FilterChain* chain = made_.listener.mutable_default_filter_chain();
    chain->set_name(std::string(kPassthroughCluster));
    AddTcp({.stat_prefix = std::string(kPassthroughCluster), .clusters = {{std::string(kPassthroughCluster)}}}, log_,
           chain);
    made_.links.clusters.push_back(std::string(kPassthroughCluster));
  }

  void AddChains(const Destination& destination, const Target& target) {
    const Handling& handling = target.port->handling;
    made_.links.sources.push_back(SourceName("Service", target.port->service->meta.name));
    if (handling.http) {
      listener::FilterChain* chain = NewChain(destination, target.name);
      AddHttp({.stat_prefix = target.name, .route_config = target.route_config, .cluster = target.http_cluster}, log_,
              chain);
      if (handling.opaque) MatchPlainHttp(chain->mutable_filter_chain_match());
    }
    if (handling.opaque) AddOpaqueChains(destination, target);
  }

  void AddOpaqueChains(const Destination& destination, const Target& target) {
    const PortTopology& port = *target.port;
    const std::vector<std::string> clusters = ClustersOf(target.ways);
    made_.links.clusters.insert(made_.links.clusters.end(), clusters.begin(), clusters.end());
    if (port.tcp_route != nullptr) made_.links.sources.push_back(SourceName("TCPRoute", port.tcp_route->meta.name));
    for (const ServerNames& names : target.ways.by_name) AddServerNames(destination, target, names);
    // A match is chosen field by field and never goes back (xDS, FilterChainMatch): with a chain for plain HTTP, other
    // plain bytes and TLS need one each.
    const bool undeclared = port.port->protocol == model::Protocol::kDetect;
    if (!port.handling.http && (!undeclared || target.ways.bytes == target.ways.sealed)) {
      listener::FilterChain* chain = NewChain(destination, target.name + "|tcp");
      return AddTcp({.stat_prefix = target.name, .clusters = target.ways.bytes}, log_, chain);
    }
    for (const auto& [transport, shares] :
         {std::pair("raw_buffer", &target.ways.bytes), std::pair("tls", &target.ways.sealed)}) {
      listener::FilterChain* chain = NewChain(destination, target.name + "|" + transport);
      AddTcp({.stat_prefix = target.name, .clusters = *shares}, log_, chain);
      chain->mutable_filter_chain_match()->set_transport_protocol(transport);
    }
    detects_ = true;
  }

  void AddServerNames(const Destination& destination, const Target& target, const ServerNames& names) {
    listener::FilterChain* chain = NewChain(destination, target.name + "|tls|" + names.route->meta.name.ToString());
    for (const std::string& host : names.hosts) chain->mutable_filter_chain_match()->add_server_names(host);
    AddTcp({.stat_prefix = target.name, .clusters = names.clusters}, log_, chain);
    if (target.port->port->protocol == model::Protocol::kPostgres) {  // its ClientHello comes behind a question
      auto& ours = (*chain->mutable_metadata()->mutable_filter_metadata())["weft.dev"];
      (*ours.mutable_fields())["preamble"].set_string_value("postgres");
    }
    made_.links.sources.push_back(SourceName("TLSRoute", names.route->meta.name));
    detects_ = true;
  }

  listener::FilterChain* NewChain(const Destination& destination, const std::string& name) {
    listener::FilterChain* chain = made_.listener.add_filter_chains();
    chain->set_name(name);
    listener::FilterChainMatch* match = chain->mutable_filter_chain_match();
    match->mutable_destination_port()->set_value(destination.port);
    for (const std::string& address : destination.addresses) {
      envoy::config::core::v3::CidrRange* range = match->add_prefix_ranges();
      range->set_address_prefix(address);
      range->mutable_prefix_len()->set_value(address.find(':') == std::string::npos ? 32 : 128);
    }
    return chain;
  }

  static void MatchPlainHttp(listener::FilterChainMatch* match) {
    match->set_transport_protocol("raw_buffer");
    match->add_application_protocols("http/1.0");
    match->add_application_protocols("http/1.1");
  }

  std::vector<std::string> Claim(const std::vector<std::string>& addresses, uint16_t port) {
    std::vector<std::string> fresh;
    for (const std::string& address : addresses) {
      if (claimed_.emplace(address, port).second) fresh.push_back(address);
    }
    return fresh;
  }

  const Topology& topology_;
  const model::AccessLogSettings& log_;
  OutboundSide made_;
  std::set<std::pair<std::string, uint16_t>> claimed_;
  bool detects_ = false;
};

void SetAddress(const char* ip, uint16_t port, envoy::config::core::v3::Address* address) {
  address->mutable_socket_address()->set_address(ip);
  address->mutable_socket_address()->set_port_value(port);
}

}  // namespace

OutboundSide MakeOutbound(const Topology& topology) { return OutboundBuilder(topology).Build(); }

void ListenEverywhere(uint16_t port, listener::Listener* to) {
  SetAddress("0.0.0.0", port, to->mutable_address());
  SetAddress("::", port, to->add_additional_addresses()->mutable_address());
}

}  // namespace weft::control::compile
