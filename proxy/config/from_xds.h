// xDS messages → specs: every field checked, Envoy's defaults applied, names of extensions resolved. One function for
// each resource; all problems of a resource are told at once, each with the path of its field as the proto spells it
// ("filter_chains[0].filters[0].typed_config.stat_prefix"). Pure; any thread. Called by bootstrap.cc and by assemble/.
//
// An unknown field (a newer control plane's) inside a match, TLS, RBAC or SAN message is a problem, because a dropped
// matcher would widen the rule; elsewhere it is accepted and listed in Notes.
#ifndef WEFT_PROXY_CONFIG_FROM_XDS_H_
#define WEFT_PROXY_CONFIG_FROM_XDS_H_

#include <optional>
#include <string>
#include <vector>

#include "envoy/config/cluster/v3/cluster.pb.h"
#include "envoy/config/endpoint/v3/endpoint.pb.h"
#include "envoy/config/listener/v3/listener.pb.h"
#include "envoy/config/route/v3/route.pb.h"
#include "envoy/extensions/transport_sockets/tls/v3/tls.pb.h"
#include "proxy/config/spec.h"

namespace weft::config {

struct FieldProblem {
  std::string field;  // "" when the whole is meant
  std::string what;   // what was found and what was expected
};

// What a resource names and does not hold itself: whoever knows the whole checks that it is there.
struct Reference {
  enum class Kind {
    kRouteCluster,  // of an HTTP route
    kTcpCluster,    // of a TCP proxy
    kStaticSecret,  // an SDS name without a source: one of the bootstrap
    kAds,           // something that is asked for over the ADS stream: its name
    kFile,          // PEM text, by path
  } kind;
  std::string field;
  std::string name;
};

struct Findings {
  std::vector<FieldProblem> problems;  // any: the resource is refused
  std::vector<FieldProblem> notes;     // accepted and ignored
  std::vector<Reference> references;
  bool ok() const { return problems.empty(); }
  // "FIELD: WHAT; FIELD: WHAT", for a NACK.
  std::string ToString() const;
};

// The spec is meaningful only when findings->ok() afterwards.
ListenerSpec ListenerFromXds(const envoy::config::listener::v3::Listener& message, Findings* findings);
ClusterSpec ClusterFromXds(const envoy::config::cluster::v3::Cluster& message, Findings* findings);
EndpointsSpec EndpointsFromXds(const envoy::config::endpoint::v3::ClusterLoadAssignment& message, Findings* findings);
RouteTableSpec RoutesFromXds(const envoy::config::route::v3::RouteConfiguration& message, Findings* findings);
SecretSpec SecretFromXds(const envoy::extensions::transport_sockets::tls::v3::Secret& message, Findings* findings);

}  // namespace weft::config

#endif  // WEFT_PROXY_CONFIG_FROM_XDS_H_
