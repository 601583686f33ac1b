// NamedCounters: counters by a short word that the code made up (never a peer), a bounded number of them. One thread
// counts, any thread reads.
#ifndef WEFT_PROXY_TELEMETRY_NAMED_COUNTERS_H_
#define WEFT_PROXY_TELEMETRY_NAMED_COUNTERS_H_

#include <array>
#include <atomic>
#include <memory>
#include <string>
#include <string_view>

#include "proxy/telemetry/cell.h"

namespace weft::telemetry {

class NamedCounters {
 public:
  static constexpr size_t kMax = 48;

  void Add(std::string_view text) {
    const size_t used = used_.load(std::memory_order_relaxed);
    for (size_t i = 0; i < used; ++i) {
      if (slots_[i]->text == text) return slots_[i]->count.Add();
    }
    if (used == kMax) return other_.Add();
    slots_[used] = std::make_unique<Slot>();
    slots_[used]->text = text;
    slots_[used]->count.Add();
    used_.store(used + 1, std::memory_order_release);
  }
  // visit(text, count) for each.
  template <class Visit>
  void ForEach(Visit visit) const {
    const size_t used = used_.load(std::memory_order_acquire);
    for (size_t i = 0; i < used; ++i) visit(std::string_view(slots_[i]->text), slots_[i]->count.value());
    if (other_.value() > 0) visit(std::string_view("other"), other_.value());
  }

 private:
  struct Slot {
    std::string text;
    Cell count;
  };
  std::array<std::unique_ptr<Slot>, kMax> slots_;
  std::atomic<size_t> used_{0};
  Cell other_;
};

}  // namespace weft::telemetry

#endif  // WEFT_PROXY_TELEMETRY_NAMED_COUNTERS_H_
