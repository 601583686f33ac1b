// The line of stages that a request passes, composed once per worker. Outbound and inbound have the same stages today;
// they are two files because they are two lists, read in the order in which a request meets them.
#ifndef WEFT_PROXY_APP_LINES_H_
#define WEFT_PROXY_APP_LINES_H_

#include "proxy/balance/balancer.h"
#include "proxy/config/snapshot_store.h"
#include "proxy/resilience/resilience.h"
#include "proxy/route/router.h"
#include "proxy/upstream/http1_upstream.h"
#include "proxy/upstream/pool.h"

namespace weft::app {

// Owned by the worker's DataPath. Members stand in the order of construction: the last stage first.
struct Line {
  Line(runtime::Reactor& reactor, config::WorkerSnapshots& snapshots)
      : pools(reactor), upstream(pools), balance(snapshots, picker, upstream), resilience(balance), route(resilience) {}
  upstream::PoolSet pools;
  upstream::Http1Upstream upstream;  // 4. sends it over a pooled connection
  balance::Picker picker;
  balance::Balancer balance;          // 3. chooses the endpoint of each try
  resilience::Resilience resilience;  // 2. deadline, replays
  route::Router route;                // 1. virtual host, rule, cluster
  http::Service& first() { return route; }
};

}  // namespace weft::app

#endif  // WEFT_PROXY_APP_LINES_H_
