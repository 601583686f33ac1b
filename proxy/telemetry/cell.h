// Cell: a number that one thread counts up and any thread reads. A plain load, add and store: no locked instruction, no
// lock.
#ifndef WEFT_PROXY_TELEMETRY_CELL_H_
#define WEFT_PROXY_TELEMETRY_CELL_H_

#include <atomic>
#include <cstdint>

namespace weft::telemetry {

class Cell {
 public:
  void Add(uint64_t by = 1) { value_.store(value_.load(std::memory_order_relaxed) + by, std::memory_order_relaxed); }
  uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

}  // namespace weft::telemetry

#endif  // WEFT_PROXY_TELEMETRY_CELL_H_
