// What one rule of an HTTPRoute does, in Envoy's words: RouteMatch and action. Pure functions, any thread.
#ifndef WEFT_CONTROL_COMPILE_ROUTE_ACTIONS_H_
#define WEFT_CONTROL_COMPILE_ROUTE_ACTIONS_H_

#include <string>
#include <vector>

#include "control/compile/topology.h"
#include "control/model/http_route.h"
#include "envoy/config/route/v3/route.pb.h"

namespace weft::control::compile {

void FillMatch(const model::RouteMatch& from, envoy::config::route::v3::RouteMatch* to);

// Action and header changes. `prefix` is the match's path prefix, which a path change may replace; `port` is the
// service port that the request came for.
void FillAction(const model::RouteRule& rule, const model::PathMatch& path, const Topology& topology, uint16_t port,
                envoy::config::route::v3::Route* to);

// Everything to `cluster`, without a time limit.
void FillPlainAction(const std::string& cluster, envoy::config::route::v3::Route* to);

// The clusters that the rule's requests go to, without that of invalid backends.
std::vector<std::string> ClustersOf(const model::RouteRule& rule, const Topology& topology);

}  // namespace weft::control::compile

#endif  // WEFT_CONTROL_COMPILE_ROUTE_ACTIONS_H_
