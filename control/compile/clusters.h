// Clusters, and the endpoints of those that are balanced. Pure functions, any thread.
#ifndef WEFT_CONTROL_COMPILE_CLUSTERS_H_
#define WEFT_CONTROL_COMPILE_CLUSTERS_H_

#include <string>

#include "control/compile/names.h"
#include "control/compile/topology.h"
#include "envoy/config/cluster/v3/cluster.pb.h"
#include "envoy/config/endpoint/v3/endpoint.pb.h"

namespace weft::control::compile {

// Balanced over the service port's endpoints: mutual TLS to those that have a sidecar; to the others plain, or (but for
// Wire::kSealed) as the port's BackendTLSPolicy says.
envoy::config::cluster::v3::Cluster BalancedCluster(const PortTopology& port, Wire wire, const model::World& world);
envoy::config::endpoint::v3::ClusterLoadAssignment EndpointsOfPort(const PortTopology& port);

// To the endpoint of the service port that the client itself named.
envoy::config::cluster::v3::Cluster ClusterToNamedEndpoint(const PortTopology& port, Wire wire, bool mutual,
                                                           const model::World& world);

// Plain, to where the connection was going: the application behind this proxy, or what no service owns.
envoy::config::cluster::v3::Cluster OriginalDestinationCluster(std::string name, const Labels& labels);

}  // namespace weft::control::compile

#endif  // WEFT_CONTROL_COMPILE_CLUSTERS_H_
