// The pages /clusters and /listeners, in Envoy's line format, from the Snapshot of this moment. Pure functions; any
// thread.
#ifndef WEFT_PROXY_ADMIN_CLUSTERS_PAGE_H_
#define WEFT_PROXY_ADMIN_CLUSTERS_PAGE_H_

#include <string>
#include <vector>

#include "proxy/admin/deps.h"
#include "proxy/config/snapshot.h"

namespace weft::admin {

// "NAME::KEY::VALUE" of each cluster, "NAME::ADDRESS::KEY::VALUE" of each endpoint. `resources` tells which came by
// xDS.
std::string ClustersText(const config::Snapshot& snapshot, const std::vector<Resource>& resources);
// "NAME::ADDRESS" of each address of each listener.
std::string ListenersText(const config::Snapshot& snapshot);

}  // namespace weft::admin

#endif  // WEFT_PROXY_ADMIN_CLUSTERS_PAGE_H_
