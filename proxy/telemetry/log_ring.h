// LogRing: lines from one thread to the writer thread, in a ring of bytes. No lock: the producer moves `head`, the
// writer `tail`. A line that does not fit is refused, never waited for. The ring's memory is taken with the first line.
#ifndef WEFT_PROXY_TELEMETRY_LOG_RING_H_
#define WEFT_PROXY_TELEMETRY_LOG_RING_H_

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include "proxy/base/check.h"

namespace weft::telemetry {

class LogRing {
 public:
  // `capacity` is a power of two.
  explicit LogRing(size_t capacity) : capacity_(capacity) { WEFT_CHECK((capacity & (capacity - 1)) == 0); }

  // Producer. False: no room.
  bool Push(uint32_t file, std::string_view line) {
    const uint64_t head = head_.load(std::memory_order_relaxed);
    const uint64_t used = head - tail_.load(std::memory_order_acquire);
    if (used + sizeof(Header) + line.size() > capacity_) return false;
    if (bytes_ == nullptr) bytes_ = std::make_unique<char[]>(capacity_);
    const Header header{static_cast<uint32_t>(line.size()), file};
    Copy(head, reinterpret_cast<const char*>(&header), sizeof header);
    Copy(head + sizeof header, line.data(), line.size());
    head_.store(head + sizeof header + line.size(), std::memory_order_release);
    return true;
  }
  // Any thread, about.
  size_t used() const {
    return static_cast<size_t>(head_.load(std::memory_order_relaxed) - tail_.load(std::memory_order_relaxed));
  }
  size_t capacity() const { return capacity_; }

  // Writer. False: empty.
  bool Pop(uint32_t* file, std::string* line) {
    const uint64_t tail = tail_.load(std::memory_order_relaxed);
    if (tail == head_.load(std::memory_order_acquire)) return false;
    Header header;
    Read(tail, reinterpret_cast<char*>(&header), sizeof header);
    line->resize(header.size);
    Read(tail + sizeof header, line->data(), header.size);
    *file = header.file;
    tail_.store(tail + sizeof header + header.size, std::memory_order_release);
    return true;
  }

 private:
  struct Header {
    uint32_t size;
    uint32_t file;
  };
  void Copy(uint64_t at, const char* from, size_t size) {
    const size_t start = at & (capacity_ - 1);
    const size_t first = std::min(size, capacity_ - start);
    std::memcpy(bytes_.get() + start, from, first);
    std::memcpy(bytes_.get(), from + first, size - first);
  }
  void Read(uint64_t at, char* into, size_t size) const {
    const size_t start = at & (capacity_ - 1);
    const size_t first = std::min(size, capacity_ - start);
    std::memcpy(into, bytes_.get() + start, first);
    std::memcpy(into + first, bytes_.get(), size - first);
  }

  const size_t capacity_;
  std::unique_ptr<char[]> bytes_;  // made before the first release of head_
  alignas(64) std::atomic<uint64_t> head_{0};
  alignas(64) std::atomic<uint64_t> tail_{0};
};

}  // namespace weft::telemetry

#endif  // WEFT_PROXY_TELEMETRY_LOG_RING_H_
