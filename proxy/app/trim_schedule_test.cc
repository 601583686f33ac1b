#include "proxy/app/trim_schedule.h"

#include <gtest/gtest.h>

#include <chrono>

namespace weft::app {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr base::Duration kALittle = TrimSchedule::kWork / 4;

// Only a quiet process was trimmed: one that was always a little busy kept the memory of its greatest burst for ever.
TEST(TrimScheduleTest, AlsoWhileItIsBusy) {
  TrimSchedule schedule;
  base::Duration cpu{};
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(schedule.Look(cpu += seconds(20)));
  EXPECT_TRUE(schedule.Look(cpu += milliseconds(900)));
}

// Many connections of little work: their memory stayed for ten minutes, as the process had been quiet all the time.
TEST(TrimScheduleTest, AtTheNextLookAfterABurstOfLittleWork) {
  TrimSchedule schedule;
  base::Duration cpu = seconds(1);
  EXPECT_TRUE(schedule.Look(cpu));
  EXPECT_FALSE(schedule.Look(cpu += kALittle));
  EXPECT_TRUE(schedule.Look(cpu += TrimSchedule::kWork));
  EXPECT_FALSE(schedule.Look(cpu));
}

TEST(TrimScheduleTest, SeldomWhileNothingHappens) {
  TrimSchedule schedule;
  base::Duration cpu{};
  int trims = 0;
  for (int i = 0; i < 400; ++i) trims += schedule.Look(cpu += kALittle) ? 1 : 0;
  EXPECT_EQ(trims, 100);
}

}  // namespace
}  // namespace weft::app
