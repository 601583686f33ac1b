// Where the connections to a service port go that nobody reads: the shares of its TCPRoute, and of its TLSRoutes by
// server name. Pure functions, any thread.
#ifndef WEFT_CONTROL_COMPILE_L4_ROUTES_H_
#define WEFT_CONTROL_COMPILE_L4_ROUTES_H_

#include <string>
#include <vector>

#include "control/compile/chains.h"
#include "control/compile/topology.h"
#include "control/model/l4_route.h"

namespace weft::control::compile {

// Of one TLSRoute, for the names that no older route of the port has.
struct ServerNames {
  std::vector<std::string> hosts;  // exact, or "*.suffix"; the longest match wins, wherever it stands
  std::vector<WeightedCluster> clusters;
  const model::TlsRoute* route = nullptr;
};

struct L4Ways {
  // Of bytes, and of the client's own TLS that no server name below is for. Never empty.
  std::vector<WeightedCluster> bytes, sealed;
  std::vector<ServerNames> by_name;
};

// Without a route: to the port itself. A backend that does not exist keeps its share, which is refused.
L4Ways L4WaysOf(const PortTopology& port, const Topology& topology);

// The clusters in `ways` that exist, in any order.
std::vector<std::string> ClustersOf(const L4Ways& ways);

}  // namespace weft::control::compile

#endif  // WEFT_CONTROL_COMPILE_L4_ROUTES_H_
