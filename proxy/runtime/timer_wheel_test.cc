#include "proxy/runtime/timer_wheel.h"

#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <vector>

namespace weft::runtime {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

const TimePoint kStart{std::chrono::seconds(5)};

struct Probe : Timer {
  TimePoint* clock = nullptr;
  TimePoint fired{};
  int count = 0;
  void OnTimer() override {
    fired = *clock;
    ++count;
  }
};

TEST(TimerWheel, FiresAtTheDeadlineNotBeforeAndAtMostATickLate) {
  TimerWheel wheel(kStart);
  TimePoint now = kStart;
  std::mt19937 random(1);
  std::vector<std::unique_ptr<Probe>> probes;
  std::vector<TimePoint> deadlines;
  for (int i = 0; i < 500; ++i) {
    probes.push_back(std::make_unique<Probe>());
    probes.back()->clock = &now;
    deadlines.push_back(kStart + milliseconds(random() % 200'000));
    wheel.Arm(probes.back().get(), deadlines.back());
  }
  while (wheel.armed() > 0) {
    const TimePoint next = wheel.NextDeadline();
    ASSERT_NE(next, kNever);
    now = std::max(now + milliseconds(1), next);
    wheel.Advance(now);
  }
  for (size_t i = 0; i < probes.size(); ++i) {
    EXPECT_EQ(probes[i]->count, 1);
    EXPECT_GE(probes[i]->fired, deadlines[i]);
    EXPECT_LE(probes[i]->fired, deadlines[i] + 2 * TimerWheel::kTick);
  }
}

TEST(TimerWheel, CancelledAndDestroyedTimersNeverFire) {
  TimerWheel wheel(kStart);
  TimePoint now = kStart;
  Probe cancelled, rearmed;
  cancelled.clock = rearmed.clock = &now;
  {
    Probe dies;
    dies.clock = &now;
    wheel.Arm(&dies, kStart + milliseconds(10));
  }
  wheel.Arm(&cancelled, kStart + milliseconds(10));
  cancelled.Cancel();
  wheel.Arm(&rearmed, kStart + milliseconds(10));
  wheel.Arm(&rearmed, kStart + milliseconds(500));
  now = kStart + milliseconds(100);
  wheel.Advance(now);
  EXPECT_EQ(cancelled.count + rearmed.count, 0);
  now = kStart + milliseconds(600);
  wheel.Advance(now);
  EXPECT_EQ(rearmed.count, 1);
  EXPECT_EQ(wheel.armed(), 0u);
  EXPECT_EQ(wheel.NextDeadline(), kNever);
}

TEST(TimerWheel, FarDeadlinesSurviveALongSleep) {
  TimerWheel wheel(kStart);
  TimePoint now = kStart;
  Probe far, near;
  far.clock = near.clock = &now;
  wheel.Arm(&far, kStart + hours(30));
  wheel.Arm(&near, kStart + milliseconds(3));
  now = kStart + hours(29);
  wheel.Advance(now);
  EXPECT_EQ(near.count, 1);
  EXPECT_EQ(far.count, 0);
  now = kStart + hours(31);
  wheel.Advance(now);
  EXPECT_EQ(far.count, 1);
}

TEST(TimerWheel, ATimerMayArmItselfAgainWhenItFires) {
  struct Again : Timer {
    TimerWheel* wheel;
    TimePoint* clock;
    int count = 0;
    void OnTimer() override {
      if (++count < 3) wheel->Arm(this, *clock + milliseconds(5));
    }
  };
  TimerWheel wheel(kStart);
  TimePoint now = kStart;
  Again again;
  again.wheel = &wheel;
  again.clock = &now;
  wheel.Arm(&again, now + milliseconds(5));
  for (int i = 0; i < 100; ++i) wheel.Advance(now += milliseconds(1));
  EXPECT_EQ(again.count, 3);
}

}  // namespace
}  // namespace weft::runtime
