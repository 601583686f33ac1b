// SeriesSet: the series of one family of metrics of one worker, made at first use. The worker finds and counts without
// a lock; the main thread walks them at the scrape without stopping anybody. A series that nobody used for a while is
// given up by the worker, but stays in sight until the main thread takes it out and keeps its numbers: so no scrape
// sees a counter fall.
#ifndef WEFT_PROXY_TELEMETRY_SERIES_H_
#define WEFT_PROXY_TELEMETRY_SERIES_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "proxy/base/check.h"
#include "proxy/telemetry/cell.h"
#include "proxy/telemetry/labels.h"

namespace weft::telemetry {

// How many samples the page may still grow by, for all workers together. Any thread.
class SeriesBudget {
 public:
  explicit SeriesBudget(int64_t limit) : limit_(limit), left_(limit) {}
  bool Take(int64_t samples) {
    if (left_.load(std::memory_order_relaxed) < samples) return false;
    if (left_.fetch_sub(samples, std::memory_order_relaxed) >= samples) return true;
    left_.fetch_add(samples, std::memory_order_relaxed);
    return false;
  }
  void Give(int64_t samples) { left_.fetch_add(samples, std::memory_order_relaxed); }
  int64_t limit() const { return limit_; }
  int64_t used() const { return limit_ - left_.load(std::memory_order_relaxed); }

 private:
  const int64_t limit_;
  std::atomic<int64_t> left_;
};

// kCount numbers that make kLines lines of the page.
template <int kCount, int kLines>
struct Cells {
  static constexpr int kSize = kCount;
  static constexpr int kSamples = kLines;
  std::array<Cell, kCount> at;
};

template <class CellsT>
struct Series {
  Series(SeriesKey key_in, LabelTexts labels_in) : key(key_in), labels(std::move(labels_in)) {}
  const SeriesKey key;
  const LabelTexts labels;
  CellsT cells;                     // written by the worker, read by any thread
  uint32_t last_used = 0;           // worker only: number of the sweep
  SeriesBudget* charged = nullptr;  // constant after Add
};

template <class CellsT>
class SeriesSet {
 public:
  using One = Series<CellsT>;
  static constexpr size_t kChunk = 64;
  static constexpr size_t kChunks = 64;
  static constexpr size_t kMax = kChunk * kChunks;

  SeriesSet() = default;
  SeriesSet(const SeriesSet&) = delete;
  SeriesSet& operator=(const SeriesSet&) = delete;
  ~SeriesSet() {
    ForEach([](One& one) { delete &one; });
    for (auto& chunk : chunks_) delete chunk.load(std::memory_order_relaxed);
  }

  // Worker thread. Null: not there.
  One* Find(uint64_t packed_key) const {
    auto found = index_.find(packed_key);
    return found == index_.end() ? nullptr : found->second.series;
  }
  bool full() const { return index_.size() >= kMax; }
  size_t size() const { return index_.size(); }

  // Worker thread. Not full, key not there yet.
  One* Add(std::unique_ptr<One> series) {
    const uint32_t slot = FreeSlot();
    One* one = series.release();
    index_.emplace(one->key.packed(), Place{one, slot});
    SlotAt(slot).store(one, std::memory_order_release);
    return one;
  }

  // Worker thread. Gives up every series for which `drop` is true: the worker never touches it again, and leave(slot)
  // must see to it that the main thread calls TakeOut(slot).
  template <class Drop, class Leave>
  void GiveUpIf(Drop drop, Leave leave) {
    for (auto it = index_.begin(); it != index_.end();) {
      const Place place = it->second;
      if (!drop(*place.series)) {
        ++it;
        continue;
      }
      index_.erase(it++);
      leaving_.push_back(place.slot);
      leave(place.slot);
    }
  }
  // Main thread, once for each that was given up.
  std::unique_ptr<One> TakeOut(uint32_t slot) {
    return std::unique_ptr<One>(SlotAt(slot).exchange(nullptr, std::memory_order_acq_rel));
  }

  // Main thread: those that were given up too.
  template <class Visit>
  void ForEach(Visit visit) const {
    for (const auto& entry : chunks_) {
      const Chunk* chunk = entry.load(std::memory_order_acquire);
      if (chunk == nullptr) return;  // they are made in order
      for (const auto& slot : chunk->slots) {
        if (One* one = slot.load(std::memory_order_acquire); one != nullptr) visit(*one);
      }
    }
  }
  // Worker thread: without those that were given up.
  template <class Visit>
  void ForEachOwn(Visit visit) const {
    for (const auto& [key, place] : index_) visit(*place.series);
  }

 private:
  struct Chunk {
    std::array<std::atomic<One*>, kChunk> slots{};
  };
  struct Place {
    One* series;
    uint32_t slot;
  };
  std::atomic<One*>& SlotAt(uint32_t slot) {
    return chunks_[slot / kChunk].load(std::memory_order_relaxed)->slots[slot % kChunk];
  }

  uint32_t FreeSlot() {
    if (free_.empty()) {
      std::erase_if(leaving_, [this](uint32_t slot) {
        const bool left = SlotAt(slot).load(std::memory_order_acquire) == nullptr;
        if (left) free_.push_back(slot);
        return left;
      });
    }
    if (!free_.empty()) {
      const uint32_t slot = free_.back();
      free_.pop_back();
      return slot;
    }
    WEFT_CHECK(next_slot_ < kMax);
    auto& chunk = chunks_[next_slot_ / kChunk];
    if (chunk.load(std::memory_order_relaxed) == nullptr) chunk.store(new Chunk(), std::memory_order_release);
    return next_slot_++;
  }

  std::array<std::atomic<Chunk*>, kChunks> chunks_{};
  // Worker only.
  absl::flat_hash_map<uint64_t, Place> index_;
  std::vector<uint32_t> free_;
  std::vector<uint32_t> leaving_;  // given up, and not seen empty yet
  uint32_t next_slot_ = 0;
};

}  // namespace weft::telemetry

#endif  // WEFT_PROXY_TELEMETRY_SERIES_H_
