// The only place of the proxy that reads a clock. Everything else is given the time: TimePoint is monotonic, and within
// one turn of a worker's loop it stands still (Reactor::now()). Wall time is for logs and certificates only.
#ifndef WEFT_PROXY_RUNTIME_CLOCK_H_
#define WEFT_PROXY_RUNTIME_CLOCK_H_

#include <chrono>
#include <cstdint>

#include "proxy/base/time.h"

namespace weft::runtime {

using base::Duration;
using base::kNever;
using base::TimePoint;

class Clock {
 public:
  virtual ~Clock() = default;
  virtual TimePoint Monotonic() const = 0;
  // Microseconds since 1970-01-01 UTC.
  virtual int64_t WallMicros() const = 0;
};

// The machine's clocks. Any thread.
const Clock& SystemClock();

// A clock that tests move by hand.
class FakeClock final : public Clock {
 public:
  TimePoint Monotonic() const override { return now_; }
  int64_t WallMicros() const override { return wall_micros_; }
  void Advance(Duration by) {
    now_ += by;
    wall_micros_ += std::chrono::duration_cast<std::chrono::microseconds>(by).count();
  }
  void SetWallMicros(int64_t micros) { wall_micros_ = micros; }

 private:
  TimePoint now_{std::chrono::seconds(1)};
  int64_t wall_micros_ = 1'700'000'000'000'000;
};

}  // namespace weft::runtime

#endif  // WEFT_PROXY_RUNTIME_CLOCK_H_
