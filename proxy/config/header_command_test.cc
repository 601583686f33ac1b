#include "proxy/config/header_command.h"

#include <gtest/gtest.h>

namespace weft::config {
namespace {

using Kind = HeaderCommand::Kind;

TEST(HeaderCommandTest, PlainOnesAreTakenAsTheyAreSpelt) {
  EXPECT_EQ(ParseHeaderCommand("DOWNSTREAM_REMOTE_ADDRESS")->kind, Kind::kRemoteAddress);
  EXPECT_EQ(ParseHeaderCommand("DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT")->kind, Kind::kRemoteIp);
  EXPECT_EQ(ParseHeaderCommand("START_TIME")->kind, Kind::kStartTime);
  for (const char* unknown : {"", "protocol", "PROTOCOL ", "START_TIME(%s)", "RESP(x)", "DOWNSTREAM_REMOTE"}) {
    EXPECT_FALSE(ParseHeaderCommand(unknown)) << unknown;
  }
}

TEST(HeaderCommandTest, AFieldOfTheRequestAndAnotherInItsPlace) {
  const auto one = ParseHeaderCommand("REQ(X-User)");
  ASSERT_TRUE(one);
  EXPECT_EQ(one->kind, Kind::kRequestField);
  EXPECT_EQ(one->field, "x-user");
  EXPECT_EQ(one->otherwise, "");
  const auto two = ParseHeaderCommand("REQ(X-User?:Authority)");
  ASSERT_TRUE(two);
  EXPECT_EQ(two->field, "x-user");
  EXPECT_EQ(two->otherwise, ":authority");
  EXPECT_FALSE(ParseHeaderCommand("REQ()"));
  EXPECT_FALSE(ParseHeaderCommand("REQ(x"));
}

}  // namespace
}  // namespace weft::config
