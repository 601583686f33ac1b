#include "proxy/balance/balancer.h"

#include <string>

#include "proxy/http/context.h"

namespace weft::balance {
namespace {

runtime::Task<base::Result<http::Response>> Fail(base::FailureKind kind, std::string detail) {
  co_return base::Failure{kind, base::Origin::kProxy, base::Phase::kRouting, base::RetrySafety::kNever,
                          std::move(detail)};
}

}  // namespace

runtime::Task<base::Result<http::Response>> Balancer::Call(http::Request request, http::Context& context) {
  context.cluster = nullptr;  // what the last try had may be gone with its Snapshot
  context.host = nullptr;
  const config::Cluster* cluster = snapshots_.current()->FindCluster(context.cluster_name);
  if (cluster == nullptr) {
    return Fail(base::FailureKind::kNoCluster, "no cluster " + std::string(context.cluster_name));
  }
  const config::Host* host = picker_.Pick(*cluster, context.connection.destination, context.tried);
  if (host == nullptr) {
    return Fail(base::FailureKind::kNoHealthyEndpoint, "cluster " + cluster->spec.name + " has " +
                                                           std::to_string(cluster->hosts.size()) +
                                                           " endpoints, none of them healthy");
  }
  context.cluster = cluster;
  context.host = host;
  context.decision.endpoint = host->state->address;
  return next_.Call(request, context);
}

}  // namespace weft::balance
