// Picker chooses an endpoint of a cluster: round robin (smooth weighted), least request (power of two choices), random,
// or the connection's original destination. One per worker; reads endpoint/ for load. Worker thread only.
#ifndef WEFT_PROXY_BALANCE_PICKER_H_
#define WEFT_PROXY_BALANCE_PICKER_H_

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/random/random.h"
#include "proxy/config/snapshot.h"
#include "proxy/endpoint/state.h"

namespace weft::balance {

class Picker {
 public:
  using Tried = std::span<const endpoint::EndpointState* const>;

  // A usable host of `cluster`, not one of `tried` while there are others; null when there is none. `destination` is
  // where the connection was going, for ORIGINAL_DST. The host is valid until the worker's next turn.
  const config::Host* Pick(const config::Cluster& cluster, const base::Address& destination, Tried tried);

  // True when a host other than `tried` could be picked.
  static bool HasOther(const config::Cluster& cluster, Tried tried);

  // Forgets what it remembers of clusters that this Snapshot no longer has. Call after a swap.
  void Forget(const config::Snapshot& newest);
  size_t remembered() const { return rotations_.size() + by_destination_.size(); }

 private:
  // Round robin's memory of one cluster; begins anew when the members change.
  struct Rotation {
    const config::Cluster* of = nullptr;
    uint64_t next = 0;
    std::vector<int64_t> current;  // smooth weighted round robin: grows by the weight, falls by the total when chosen
  };

  const config::Host* RoundRobin(const config::Cluster& cluster, uint32_t priority, Tried tried);
  const config::Host* LeastRequest(const config::Cluster& cluster, uint32_t priority, Tried tried);
  const config::Host* Random(const config::Cluster& cluster, uint32_t priority, Tried tried);
  const config::Host* OriginalDestination(const config::Cluster& cluster, const base::Address& destination);

  absl::flat_hash_map<const endpoint::ClusterState*, Rotation> rotations_;
  // Hosts that no configuration lists; kept while somebody uses them.
  absl::flat_hash_map<const endpoint::ClusterState*, absl::flat_hash_map<std::string, std::unique_ptr<config::Host>>>
      by_destination_;
  absl::InsecureBitGen random_;
};

}  // namespace weft::balance

#endif  // WEFT_PROXY_BALANCE_PICKER_H_
