#include "proxy/runtime/clock.h"

#include <time.h>

namespace weft::runtime {
namespace {

class RealClock final : public Clock {
 public:
  TimePoint Monotonic() const override {
    timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return TimePoint(std::chrono::seconds(t.tv_sec) + std::chrono::nanoseconds(t.tv_nsec));
  }
  int64_t WallMicros() const override {
    timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return int64_t{t.tv_sec} * 1'000'000 + t.tv_nsec / 1000;
  }
};

}  // namespace

const Clock& SystemClock() {
  static const RealClock clock;
  return clock;
}

}  // namespace weft::runtime
