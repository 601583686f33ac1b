#include "control/compile/clusters.h"

#include <limits>
#include <map>
#include <utility>
#include <vector>

#include "control/compile/chains.h"

namespace weft::control::compile {
namespace {

namespace cluster = envoy::config::cluster::v3;
namespace endpoint = envoy::config::endpoint::v3;
using google::protobuf::Struct;

constexpr int64_t kConnectTimeoutSeconds = 5;
constexpr char kTransportMetadata[] =
    "envoy.transport_socket_match";  // which endpoints a transport_socket_match is for
constexpr char kMutual[] = "mutual";

void MarkMutual(Struct* match) { (*match->mutable_fields())[kMutual].set_string_value("true"); }

// What every cluster has.
cluster::Cluster NewCluster(std::string name, const Labels& labels) {
  cluster::Cluster made;
  made.set_name(std::move(name));
  made.mutable_connect_timeout()->set_seconds(kConnectTimeoutSeconds);
  // Envoy's 1024 connections would refuse traffic that the application itself would have carried.
  auto* limits = made.mutable_circuit_breakers()->add_thresholds();
  constexpr uint32_t kNone = std::numeric_limits<uint32_t>::max();
  limits->mutable_max_connections()->set_value(kNone);
  limits->mutable_max_pending_requests()->set_value(kNone);
  limits->mutable_max_requests()->set_value(kNone);
  limits->mutable_max_retries()->set_value(kNone);
  FillLabels(labels, made.mutable_metadata());
  return made;
}

void MakeOriginalDestination(cluster::Cluster* made) {
  made->set_type(cluster::Cluster::ORIGINAL_DST);
  made->set_lb_policy(cluster::Cluster::CLUSTER_PROVIDED);
}

Labels LabelsOf(const PortTopology& port) {
  const model::Name& name = port.service->meta.name;
  return {.service = name.name, .ns = name.ns, .version = "", .principal = ""};
}

void FillEndpoint(const PortTopology& port, const EndpointOf& from, endpoint::LbEndpoint* to) {
  auto* address = to->mutable_endpoint()->mutable_address()->mutable_socket_address();
  address->set_address(from.workload->address);
  address->set_port_value(from.port);
  to->mutable_load_balancing_weight()->set_value(from.workload->weight);
  Labels labels = LabelsOf(port);
  labels.version = VersionLabelOf(*from.workload);
  labels.principal = from.principal;
  FillLabels(labels, to->mutable_metadata());
  if (from.mutual) MarkMutual(&(*to->mutable_metadata()->mutable_filter_metadata())[kTransportMetadata]);
}

// What endpoints without a sidecar get, where a policy says it.
void FillPolicyTls(const PortTopology& port, Wire wire, const model::World& world, cluster::Cluster* to) {
  if (port.backend_tls == nullptr || wire == Wire::kSealed) return;
  const model::Protocol protocol = port.port->protocol;
  const bool http2 = protocol == model::Protocol::kHttp2 || protocol == model::Protocol::kGrpc;
  FillBackendTls(*port.backend_tls, world.CaOf(*port.backend_tls), http2 ? "h2" : "", to->mutable_transport_socket());
}

}  // namespace

cluster::Cluster BalancedCluster(const PortTopology& port, Wire wire, const model::World& world) {
  cluster::Cluster made = NewCluster(OutboundCluster(port, wire), LabelsOf(port));
  made.set_type(cluster::Cluster::EDS);
  made.set_lb_policy(cluster::Cluster::ROUND_ROBIN);
  FillAds(made.mutable_eds_cluster_config()->mutable_eds_config());
  made.mutable_eds_cluster_config()->set_service_name(EndpointsName(port));
  // An endpoint that no match is for gets the cluster's own transport; none: plain.
  FillPolicyTls(port, wire, world, &made);
  if (port.AnyMutual()) {
    cluster::Cluster::TransportSocketMatch* match = made.add_transport_socket_matches();
    match->set_name(kMutual);
    MarkMutual(match->mutable_match());
    FillClientTls(port.principals, wire, match->mutable_transport_socket());
  }
  return made;
}

endpoint::ClusterLoadAssignment EndpointsOfPort(const PortTopology& port) {
  endpoint::ClusterLoadAssignment made;
  made.set_cluster_name(EndpointsName(port));
  std::map<model::Locality, std::vector<const EndpointOf*>> localities;
  for (const EndpointOf& from : port.endpoints) localities[from.workload->locality].push_back(&from);
  for (const auto& [locality, members] : localities) {
    endpoint::LocalityLbEndpoints* group = made.add_endpoints();
    group->mutable_locality()->set_region(locality.region);
    group->mutable_locality()->set_zone(locality.zone);
    group->mutable_locality()->set_sub_zone(locality.sub_zone);
    uint32_t weight = 0;
    for (const EndpointOf* from : members) {
      FillEndpoint(port, *from, group->add_lb_endpoints());
      weight += from->workload->weight;
    }
    group->mutable_load_balancing_weight()->set_value(weight);  // gRPC passes over a locality without it
  }
  return made;
}

cluster::Cluster ClusterToNamedEndpoint(const PortTopology& port, Wire wire, bool mutual, const model::World& world) {
  cluster::Cluster made = NewCluster(DirectCluster(port, wire, mutual), LabelsOf(port));
  MakeOriginalDestination(&made);
  if (mutual) {
    FillClientTls(port.principals, wire, made.mutable_transport_socket());
  } else {
    FillPolicyTls(port, wire, world, &made);
  }
  return made;
}

cluster::Cluster OriginalDestinationCluster(std::string name, const Labels& labels) {
  cluster::Cluster made = NewCluster(std::move(name), labels);
  MakeOriginalDestination(&made);
  return made;
}

}  // namespace weft::control::compile
