#include "proxy/base/parse_number.h"

#include <gtest/gtest.h>

#include <cstdint>

namespace weft::base {
namespace {

TEST(ParseNumber, TakesWholeNumbersInRangeOnly) {
  EXPECT_EQ(ParseNumber<uint16_t>("65535"), 65535);
  EXPECT_EQ(ParseNumber<int64_t>("-5"), -5);
  EXPECT_EQ(ParseNumber<uint32_t>("ff", 16), 255u);
  for (const char* bad : {"", " 1", "1 ", "+1", "0x1", "1.0", "65536", "-1"}) {
    EXPECT_FALSE(ParseNumber<uint16_t>(bad)) << bad;
  }
}

}  // namespace
}  // namespace weft::base
