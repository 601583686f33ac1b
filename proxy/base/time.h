// Spans and points of time, as types only: nothing here reads a clock (proxy/runtime/clock.h does).
#ifndef WEFT_PROXY_BASE_TIME_H_
#define WEFT_PROXY_BASE_TIME_H_

#include <chrono>

namespace weft::base {

using Duration = std::chrono::nanoseconds;

struct MonotonicClockTag {
  using duration = Duration;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<MonotonicClockTag, duration>;
  static constexpr bool is_steady = true;
};
// Monotonic; only differences mean something.
using TimePoint = MonotonicClockTag::time_point;
inline constexpr TimePoint kNever = TimePoint::max();

}  // namespace weft::base

#endif  // WEFT_PROXY_BASE_TIME_H_
