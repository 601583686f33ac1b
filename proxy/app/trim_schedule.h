// TrimSchedule: when freed memory goes back to the system. malloc_trim holds the lock of one arena after the other
// while it works through what is free in it (0.3 ms per MB the first time, measured; far less for what was given back
// already), and a worker that allocates meanwhile waits. What can be free was taken by work, so a trim follows work,
// however busy the process still is: a proxy that never rests gives its burst back too, and one that rests is left
// alone. Main thread; pure.
#ifndef WEFT_PROXY_APP_TRIM_SCHEDULE_H_
#define WEFT_PROXY_APP_TRIM_SCHEDULE_H_

#include <chrono>

#include "proxy/base/time.h"

namespace weft::app {

class TrimSchedule {
 public:
  // Work that can leave memory worth a trim: some hundred connections.
  static constexpr base::Duration kWork = std::chrono::milliseconds(20);

  // At each look: the CPU time of the process since its start. True: trim now.
  bool Look(base::Duration cpu_time) {
    if (cpu_time - at_last_trim_ < kWork) return false;
    at_last_trim_ = cpu_time;
    return true;
  }

 private:
  base::Duration at_last_trim_{};
};

}  // namespace weft::app

#endif  // WEFT_PROXY_APP_TRIM_SCHEDULE_H_
