// ClusterLoadAssignment (envoy.config.endpoint.v3).
#include <cstdint>
#include <limits>
#include <string>
#include <utility>

#include "proxy/config/from_xds.h"
#include "proxy/config/parts.h"
#include "proxy/config/values.h"

namespace weft::config {
namespace {

namespace core = envoy::config::core::v3;
namespace endpoint = envoy::config::endpoint::v3;

constexpr uint32_t kLowestPriority = 128;  // Envoy's bound

bool IsHealthy(core::HealthStatus status) {
  return status != core::UNHEALTHY && status != core::DRAINING && status != core::TIMEOUT;
}

void ReadAddress(const endpoint::Endpoint& message, bool names, const Place& place, HostSpec* spec) {
  const Place at = place.Field("address");
  if (!message.has_address()) return place.Problem("address is missing");
  const bool socket = message.address().has_socket_address();
  const std::string& host = message.address().socket_address().address();
  if (names && socket && !base::Address::FromIp(host, 0)) {
    if (host.empty()) at.Field("socket_address").Field("address").Problem("the host name is empty");
    core::Address any = message.address();  // everything but the name is as with an address
    any.mutable_socket_address()->set_address("0.0.0.0");
    spec->address = AddressOf(any, at);
    spec->hostname = host;
    return;
  }
  spec->address = AddressOf(message.address(), at);
  spec->hostname = names && socket ? host : message.hostname();
}

void ReadLabels(const core::Metadata& metadata, const Place& place, HostSpec* spec) {
  const auto labels = TextMetadata(metadata, "weft.dev", place);
  spec->service = ServiceName(labels);
  for (const auto& [key, value] : labels) {
    if (key == "version") spec->version = value;
    if (key == "principal") spec->principal = value;
  }
  spec->transport_metadata = TextMetadata(metadata, "envoy.transport_socket_match", place);
}

HostSpec HostFromXds(const endpoint::LbEndpoint& message, uint32_t priority, bool names, const Place& place) {
  CheckFields(message, place, {.read = {"endpoint", "health_status", "load_balancing_weight", "metadata"}});
  HostSpec spec;
  spec.priority = priority;
  spec.healthy = IsHealthy(message.health_status());
  spec.weight = ValueOr(message.has_load_balancing_weight(), message.load_balancing_weight(), 1);
  if (spec.weight == 0) place.Field("load_balancing_weight").Problem("expected at least 1");
  ReadLabels(message.metadata(), place.Field("metadata"), &spec);
  const Place at = place.Field("endpoint");
  switch (message.host_identifier_case()) {
    case endpoint::LbEndpoint::kEndpoint:
      CheckFields(message.endpoint(), at,
                  {.read = {"address", "hostname"}, .ignored = {"health_check_config", "additional_addresses"}});
      ReadAddress(message.endpoint(), names, at, &spec);
      break;
    case endpoint::LbEndpoint::kEndpointName: break;  // refused by CheckFields
    case endpoint::LbEndpoint::HOST_IDENTIFIER_NOT_SET: place.Problem("endpoint is missing"); break;
  }
  return spec;
}

}  // namespace

std::vector<HostSpec> HostsFromXds(const endpoint::ClusterLoadAssignment& message, bool names, const Place& place) {
  CheckFields(message, place, {.read = {"cluster_name", "endpoints", "policy"}});
  CheckFields(message.policy(), place.Field("policy"),
              {.read = {}, .ignored = {"overprovisioning_factor", "endpoint_stale_after", "weighted_priority_health"}});
  std::vector<HostSpec> hosts;
  uint64_t total = 0;
  for (int i = 0; i < message.endpoints_size(); ++i) {
    const endpoint::LocalityLbEndpoints& locality = message.endpoints(i);
    const Place at = place.Field("endpoints", size_t(i));
    CheckFields(locality, at,
                {.read = {"locality", "metadata", "lb_endpoints", "priority"},
                 .ignored = {"load_balancing_weight", "proximity"}});
    if (locality.priority() > kLowestPriority) at.Field("priority").Problem("expected 0 to 128");
    for (int j = 0; j < locality.lb_endpoints_size(); ++j) {
      hosts.push_back(
          HostFromXds(locality.lb_endpoints(j), locality.priority(), names, at.Field("lb_endpoints", size_t(j))));
      total += hosts.back().weight;
    }
  }
  if (total > std::numeric_limits<uint32_t>::max()) place.Problem("the weights add up to more than 4294967295");
  return hosts;
}

EndpointsSpec EndpointsFromXds(const endpoint::ClusterLoadAssignment& message, Findings* findings) {
  const Place place(findings);
  CheckUnknown(message, place);
  EndpointsSpec spec;
  spec.name = message.cluster_name();
  if (spec.name.empty()) place.Field("cluster_name").Problem("the name is empty");
  spec.hosts = HostsFromXds(message, false, place);
  return spec;
}

}  // namespace weft::config
