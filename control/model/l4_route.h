// TCPRoute and TLSRoute in the mesh form: where connections go that nobody reads. Plain values, already validated by
// control/source: weights are in range, host names are names.
#ifndef WEFT_CONTROL_MODEL_L4_ROUTE_H_
#define WEFT_CONTROL_MODEL_L4_ROUTE_H_

#include <string>
#include <vector>

#include "control/model/http_route.h"
#include "control/model/meta.h"

namespace weft::control::model {

struct L4Route {
  ObjectMeta meta;
  std::vector<RouteParent> parents;
  std::vector<Backend> backends;  // never empty; no header changes
};

// Every connection to a port.
struct TcpRoute : L4Route {};

// Those whose ClientHello names one of the hosts; the bytes stay sealed.
struct TlsRoute : L4Route {
  std::vector<std::string> hostnames;  // exact or "*.suffix", lower case; never empty
};

}  // namespace weft::control::model

#endif  // WEFT_CONTROL_MODEL_L4_ROUTE_H_
