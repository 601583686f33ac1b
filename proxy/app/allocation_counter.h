// AllocationCounter: counts the heap allocations of the whole process, of every thread and by every way (malloc, new,
// memalign), for tests that promise there are none. Linking allocation_counter.cc replaces malloc, so only its own test
// binary does. Under a sanitizer, which has its own malloc, it counts nothing and says so.
#ifndef WEFT_PROXY_APP_ALLOCATION_COUNTER_H_
#define WEFT_PROXY_APP_ALLOCATION_COUNTER_H_

#include <cstdint>
#include <string>

namespace weft::app {

class AllocationCounter {
 public:
  static bool Works();
  // Counts from now on. One at a time.
  static void Start();
  // How many there were since Start().
  static uint64_t Stop();
  // The call stack of the first one, one frame a line.
  static std::string FirstStack();
};

}  // namespace weft::app

#endif  // WEFT_PROXY_APP_ALLOCATION_COUNTER_H_
