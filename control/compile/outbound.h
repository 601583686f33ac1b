// The listener that captured calls of the application come to. The original destination chooses: a virtual IP and port
// of a service, then the address and port of an endpoint, and everything else passes (or, with registryOnly, is
// refused). It is the same for every proxy. Pure functions, any thread.
#ifndef WEFT_CONTROL_COMPILE_OUTBOUND_H_
#define WEFT_CONTROL_COMPILE_OUTBOUND_H_

#include <vector>

#include "control/compile/names.h"
#include "control/compile/resource.h"
#include "control/compile/topology.h"
#include "envoy/config/cluster/v3/cluster.pb.h"
#include "envoy/config/listener/v3/listener.pb.h"

namespace weft::control::compile {

inline constexpr uint16_t kOutboundPort = 15001;

struct OutboundSide {
  envoy::config::listener::v3::Listener listener;
  ResourceLinks links;
  // Those that only the listener's `direct` chains use, with the service that each is of.
  std::vector<std::pair<envoy::config::cluster::v3::Cluster, const model::Service*>> clusters;
};

OutboundSide MakeOutbound(const Topology& topology);

// Both wildcard addresses, IPv4 first.
void ListenEverywhere(uint16_t port, envoy::config::listener::v3::Listener* listener);

}  // namespace weft::control::compile

#endif  // WEFT_CONTROL_COMPILE_OUTBOUND_H_
