// Names of the five resource types that this proxy takes: on the wire, and in logs and metrics. Pure functions.
#ifndef WEFT_PROXY_DISCOVERY_RESOURCE_TYPE_H_
#define WEFT_PROXY_DISCOVERY_RESOURCE_TYPE_H_

#include <optional>
#include <string>
#include <string_view>

#include "proxy/discovery/resource_sink.h"

namespace weft::discovery {

// "type.googleapis.com/envoy.config.cluster.v3.Cluster"
const std::string& TypeUrl(ResourceType type);
std::optional<ResourceType> TypeOfUrl(std::string_view url);

// "cluster", "endpoint", "listener", "route", "secret"
std::string_view Name(ResourceType type);
// Envoy's short words, for metrics and tables: "cds", "eds", "lds", "rds", "sds"
std::string_view ShortName(ResourceType type);

// Clusters and listeners: an empty list of names asks for all of them.
constexpr bool IsWildcard(ResourceType type) {
  return type == ResourceType::kCluster || type == ResourceType::kListener;
}

}  // namespace weft::discovery

#endif  // WEFT_PROXY_DISCOVERY_RESOURCE_TYPE_H_
