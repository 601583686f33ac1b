#include "proxy/runtime/timer_wheel.h"

#include <algorithm>
#include <bit>

namespace weft::runtime {

void Timer::Cancel() {
  if (wheel_ == nullptr) return;
  Unlink();
  wheel_->OnRemoved(this);
}

void TimerWheel::OnRemoved(Timer* timer) {
  const int level = timer->slot_ / kSlots;
  const int index = timer->slot_ % kSlots;
  if (slots_[level][index].empty()) occupied_[level] &= ~(uint64_t{1} << index);
  timer->wheel_ = nullptr;
  --armed_;
}

void TimerWheel::Arm(Timer* timer, TimePoint deadline) {
  timer->Cancel();
  if (deadline == kNever) return;
  const auto since_start = std::max(deadline - start_, Duration::zero());
  timer->tick_ = std::max<uint64_t>((since_start + kTick - Duration(1)) / kTick, now_tick_ + 1);
  timer->wheel_ = this;
  ++armed_;
  Insert(timer);
}

void TimerWheel::Insert(Timer* timer) {
  // The level is the highest group of six bits in which the timer's tick differs from now.
  constexpr uint64_t kSpan = uint64_t{1} << (kLevels * kSlotBits);
  const uint64_t tick =
      std::min(timer->tick_, now_tick_ + kSpan - 1);  // farther ones are looked at again when they come down
  const uint64_t difference = tick ^ now_tick_;
  const int highest = difference == 0 ? 0 : 63 - std::countl_zero(difference);
  const int level = std::min(highest / kSlotBits, kLevels - 1);
  const int index = static_cast<int>((tick >> (level * kSlotBits)) & (kSlots - 1));
  timer->slot_ = static_cast<uint16_t>(level * kSlots + index);
  occupied_[level] |= uint64_t{1} << index;
  slots_[level][index].PushBack(timer);
}

void TimerWheel::Cascade(int level) {
  const int index = static_cast<int>((now_tick_ >> (level * kSlotBits)) & (kSlots - 1));
  base::List<Timer> moving;
  moving.Splice(slots_[level][index]);
  occupied_[level] &= ~(uint64_t{1} << index);
  while (Timer* timer = moving.PopFront()) Insert(timer);
}

void TimerWheel::Advance(TimePoint now) {
  if (now < start_) return;
  const uint64_t target = (now - start_) / kTick;
  while (now_tick_ < target) {
    if (armed_ == 0) {
      now_tick_ = target;
      return;
    }
    // Skip to the next tick at which something fires or a higher level comes down.
    const int index = static_cast<int>(now_tick_ & (kSlots - 1));
    const uint64_t later = index == kSlots - 1 ? 0 : occupied_[0] >> (index + 1) << (index + 1);
    const uint64_t boundary = (now_tick_ | (kSlots - 1)) + 1;
    const uint64_t next = later != 0 ? (now_tick_ & ~uint64_t{kSlots - 1}) + std::countr_zero(later) : boundary;
    now_tick_ = std::min(next, target);
    for (int level = 1; level < kLevels; ++level) {
      if ((now_tick_ & ((uint64_t{1} << (level * kSlotBits)) - 1)) != 0) break;
      Cascade(level);
    }
    // Cascading may put timers of this very tick into the current slot: both cases end here.
    const int current = static_cast<int>(now_tick_ & (kSlots - 1));
    base::List<Timer> due;
    due.Splice(slots_[0][current]);
    occupied_[0] &= ~(uint64_t{1} << current);
    while (Timer* timer = due.front()) {
      if (timer->tick_ > now_tick_) {  // was beyond the span of the wheel
        timer->Unlink();
        Insert(timer);
        continue;
      }
      timer->Unlink();
      timer->wheel_ = nullptr;
      --armed_;
      timer->OnTimer();
    }
  }
}

TimePoint TimerWheel::NextDeadline() const {
  if (armed_ == 0) return kNever;
  uint64_t best = ~uint64_t{0};
  for (int level = 0; level < kLevels; ++level) {
    if (occupied_[level] == 0) continue;
    const int shift = level * kSlotBits;
    const int index = static_cast<int>((now_tick_ >> shift) & (kSlots - 1));
    const uint64_t later = index == kSlots - 1 ? 0 : occupied_[level] >> (index + 1) << (index + 1);
    const uint64_t base_tick = (now_tick_ >> shift) & ~uint64_t{kSlots - 1};
    // Slots behind the index belong to the next round of this level (only possible on the highest one).
    const uint64_t slot_tick =
        later != 0 ? base_tick + std::countr_zero(later) : base_tick + kSlots + std::countr_zero(occupied_[level]);
    best = std::min(best, slot_tick << shift);
  }
  return start_ + Duration(kTick.count() * static_cast<int64_t>(best));
}

}  // namespace weft::runtime
