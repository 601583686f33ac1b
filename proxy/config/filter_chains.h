// FilterChains: the chains of one Listener in their configured order, with an index over the first two steps of the
// match. weft-control makes a chain for each service and destination, so that those of one destination are few among
// thousands. Filled by assemble/ on the main thread; constant once its Snapshot is published, then read by all workers.
// Shares the chains with other generations of the listener.
#ifndef WEFT_PROXY_CONFIG_FILTER_CHAINS_H_
#define WEFT_PROXY_CONFIG_FILTER_CHAINS_H_

#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "proxy/base/address.h"

namespace weft::config {

struct FilterChain;

class FilterChains {
 public:
  using Pointers = std::vector<std::shared_ptr<const FilterChain>>;

  // Its match is read here and does not change any more.
  void push_back(std::shared_ptr<const FilterChain> chain);
  void clear() { *this = {}; }

  size_t size() const { return chains_.size(); }
  bool empty() const { return chains_.empty(); }
  const std::shared_ptr<const FilterChain>& operator[](size_t i) const { return chains_[i]; }
  Pointers::const_iterator begin() const { return chains_.begin(); }
  Pointers::const_iterator end() const { return chains_.end(); }

  // Those that remain after Envoy's steps destination port and destination prefix, in their configured order.
  std::span<const FilterChain* const> For(const base::Address& destination) const;

 private:
  using Bucket = std::vector<const FilterChain*>;

  struct Prefix {
    Prefix(const base::Address& address, uint32_t length);
    bool operator==(const Prefix&) const = default;
    template <typename H>
    friend H AbslHashValue(H state, const Prefix& prefix) {
      return H::combine(std::move(state), prefix.family, prefix.length, prefix.bytes);
    }
    sa_family_t family;
    uint32_t length;
    std::array<char, 16> bytes{};  // what is beyond the length is zero
  };

  // The chains that name the same port, or none.
  struct OfPort {
    void Add(const FilterChain* chain);
    absl::flat_hash_map<Prefix, Bucket> by_prefix;
    std::vector<std::pair<sa_family_t, uint32_t>> lengths;  // those in by_prefix, the longest first
    Bucket anywhere;                                        // chains without a prefix
  };

  Pointers chains_;
  absl::flat_hash_map<uint16_t, OfPort> by_port_;
  OfPort any_port_;
};

}  // namespace weft::config

#endif  // WEFT_PROXY_CONFIG_FILTER_CHAINS_H_
