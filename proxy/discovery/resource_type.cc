#include "proxy/discovery/resource_type.h"

namespace weft::discovery {
namespace {

struct Names {
  std::string url;
  std::string_view name;
  std::string_view short_name;
};

const Names& Of(ResourceType type) {
  // In the order of ResourceType.
  static const Names* const kNames = new Names[kResourceTypeCount]{
      {"type.googleapis.com/envoy.config.cluster.v3.Cluster", "cluster", "cds"},
      {"type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment", "endpoint", "eds"},
      {"type.googleapis.com/envoy.config.listener.v3.Listener", "listener", "lds"},
      {"type.googleapis.com/envoy.config.route.v3.RouteConfiguration", "route", "rds"},
      {"type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret", "secret", "sds"},
  };
  return kNames[static_cast<int>(type)];
}

}  // namespace

const std::string& TypeUrl(ResourceType type) { return Of(type).url; }
std::string_view Name(ResourceType type) { return Of(type).name; }
std::string_view ShortName(ResourceType type) { return Of(type).short_name; }

std::optional<ResourceType> TypeOfUrl(std::string_view url) {
  for (int i = 0; i < kResourceTypeCount; ++i) {
    const auto type = static_cast<ResourceType>(i);
    if (TypeUrl(type) == url) return type;
  }
  return std::nullopt;
}

}  // namespace weft::discovery
