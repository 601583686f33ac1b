// Balancer: the stage that chooses the endpoint of each try, from the newest Snapshot: membership, health and weights
// are read fresh although the request pins its route. Never waits. Worker thread only.
#ifndef WEFT_PROXY_BALANCE_BALANCER_H_
#define WEFT_PROXY_BALANCE_BALANCER_H_

#include "proxy/balance/picker.h"
#include "proxy/config/snapshot_store.h"
#include "proxy/http/service.h"

namespace weft::balance {

class Balancer final : public http::Service {
 public:
  Balancer(config::WorkerSnapshots& snapshots, Picker& picker, http::Service& next)
      : snapshots_(snapshots), picker_(picker), next_(next) {}
  runtime::Task<base::Result<http::Response>> Call(http::Request request, http::Context& context) override;

 private:
  config::WorkerSnapshots& snapshots_;
  Picker& picker_;
  http::Service& next_;
};

}  // namespace weft::balance

#endif  // WEFT_PROXY_BALANCE_BALANCER_H_
