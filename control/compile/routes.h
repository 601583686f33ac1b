// The RouteConfiguration of a service port: the rules of the HTTPRoutes that have it as parent, in the Gateway API's
// order of precedence. Pure functions, any thread.
#ifndef WEFT_CONTROL_COMPILE_ROUTES_H_
#define WEFT_CONTROL_COMPILE_ROUTES_H_

#include <map>
#include <vector>

#include "control/compile/resource.h"
#include "control/compile/topology.h"
#include "control/model/http_route.h"
#include "envoy/config/route/v3/route.pb.h"

namespace weft::control::compile {

// Which HTTPRoutes shape the requests to a service port.
class AttachedRoutes {
 public:
  explicit AttachedRoutes(const Topology& topology);

  // Oldest first, then by name.
  const std::vector<const model::HttpRoute*>& Of(const PortTopology& port) const;

 private:
  std::map<const PortTopology*, std::vector<const model::HttpRoute*>> routes_;
};

struct RoutesOfPort {
  envoy::config::route::v3::RouteConfiguration config;
  ResourceLinks links;
};

// A host that no route is for goes to the service itself; a request that no rule of its host's routes matches gets 404.
RoutesOfPort MakeRoutes(const PortTopology& port, const std::vector<const model::HttpRoute*>& routes,
                        const Topology& topology);

}  // namespace weft::control::compile

#endif  // WEFT_CONTROL_COMPILE_ROUTES_H_
