// Coarse timers: arming and cancelling cost a list insertion. Four levels of 64 slots, one slot of the lowest level is
// kTick wide; a timer fires at most one tick late (longer ones are moved down as their time comes near). One thread.
#ifndef WEFT_PROXY_RUNTIME_TIMER_WHEEL_H_
#define WEFT_PROXY_RUNTIME_TIMER_WHEEL_H_

#include <cstdint>

#include "proxy/base/intrusive_list.h"
#include "proxy/runtime/clock.h"

namespace weft::runtime {

class TimerWheel;

// An entry. Owned by whoever waits; destroying or Cancel()ing it takes it off the wheel.
class Timer : public base::ListNode {
 public:
  virtual ~Timer() { Cancel(); }
  // Called on the wheel's thread, from Advance(), after the timer was taken off the wheel. May re-arm or destroy
  // itself.
  virtual void OnTimer() = 0;
  void Cancel();
  bool armed() const { return wheel_ != nullptr; }

 private:
  friend class TimerWheel;
  TimerWheel* wheel_ = nullptr;
  uint64_t tick_ = 0;
  uint16_t slot_ = 0;
};

class TimerWheel {
 public:
  static constexpr Duration kTick = std::chrono::milliseconds(2);

  explicit TimerWheel(TimePoint start) : start_(start) {}
  TimerWheel(const TimerWheel&) = delete;
  TimerWheel& operator=(const TimerWheel&) = delete;

  // Fires at the first Advance() with now >= deadline (rounded up to a tick). Re-arms an armed timer.
  void Arm(Timer* timer, TimePoint deadline);
  // Fires everything that is due.
  void Advance(TimePoint now);
  // A time at which Advance() should be called: not later than the earliest deadline; kNever when nothing is armed.
  TimePoint NextDeadline() const;
  size_t armed() const { return armed_; }

 private:
  friend class Timer;
  static constexpr int kLevels = 4;
  static constexpr int kSlotBits = 6;
  static constexpr int kSlots = 1 << kSlotBits;

  void Insert(Timer* timer);
  void Cascade(int level);
  void OnRemoved(Timer* timer);

  const TimePoint start_;
  uint64_t now_tick_ = 0;  // everything with tick_ <= now_tick_ has fired
  size_t armed_ = 0;
  uint64_t occupied_[kLevels] = {};
  base::List<Timer> slots_[kLevels][kSlots];
};

}  // namespace weft::runtime

#endif  // WEFT_PROXY_RUNTIME_TIMER_WHEEL_H_
