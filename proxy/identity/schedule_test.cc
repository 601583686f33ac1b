#include "proxy/identity/schedule.h"

#include <gtest/gtest.h>

namespace weft::identity {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'700'000'000);

Material Lasting(absl::Duration lifetime, absl::Time received = kNow) {
  Material material;
  material.not_before = kNow - absl::Minutes(5);
  material.not_after = kNow + lifetime;
  material.received = received;
  return material;
}

TEST(Schedule, RenewalIsAtTheHalfOfWhatWasLeft) {
  EXPECT_EQ(RenewalTime(Lasting(absl::Hours(1)), 0.5), kNow + absl::Minutes(30));
  EXPECT_EQ(RenewalTime(Lasting(absl::Seconds(60)), 0.0), kNow + absl::Seconds(27));
  EXPECT_EQ(RenewalTime(Lasting(absl::Seconds(60)), 1.0), kNow + absl::Seconds(33));
}

TEST(Schedule, WrongClockNeitherSpinsNorSleepsForever) {
  for (const absl::Duration off : {-absl::Hours(24 * 365), absl::Hours(24 * 365)}) {
    const Material material = Lasting(absl::Hours(1), kNow + off);
    const absl::Duration wait = RenewalTime(material, 0.5) - material.received;
    EXPECT_GE(wait, absl::Seconds(5));
    EXPECT_LE(wait, absl::Minutes(10));
  }
}

TEST(Schedule, RetriesDoubleUpToHalfAMinute) {
  const absl::Duration none = absl::ZeroDuration();
  EXPECT_EQ(RetryDelay(1, none, 1.0), absl::Seconds(1));
  EXPECT_EQ(RetryDelay(4, none, 1.0), absl::Seconds(8));
  EXPECT_EQ(RetryDelay(4, none, 0.0), absl::Seconds(4));
  EXPECT_EQ(RetryDelay(1'000'000, none, 1.0), absl::Seconds(30));
  EXPECT_EQ(RetryDelay(9, absl::Seconds(20), 1.0), absl::Seconds(5)) << "four more chances before the certificate ends";
  EXPECT_EQ(RetryDelay(9, absl::Milliseconds(10), 0.0), absl::Seconds(1));
}

}  // namespace
}  // namespace weft::identity
