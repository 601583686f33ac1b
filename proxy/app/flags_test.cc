#include "proxy/app/flags.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weft::app {
namespace {

using testing::HasSubstr;

TEST(Flags, HelpAndVersionEndWith0) {
  const FlagsOutcome help = ParseFlags({"--help"});
  EXPECT_FALSE(help.flags.has_value());
  EXPECT_EQ(help.exit_code, 0);
  EXPECT_THAT(help.out, HasSubstr("--concurrency"));
  EXPECT_THAT(ParseFlags({"--version"}).out, HasSubstr("weft-proxy "));
}

TEST(Flags, AWrongLineEndsWith2AndSaysWhatIsWrong) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> wrong = {
      {{}, "config-path"},
      {{"-c", "f", "--no-such-flag"}, "no-such-flag"},
      {{"-c", "f", "--concurrency", "0"}, "concurrency"},
      {{"-c", "f", "--log-level", "loud"}, "loud"},
      {{"-c", "f", "--component-log-level", "http=debug"}, "http=debug"},
      {{"-c", "f", "--hold", "15001,70000"}, "70000"},
      {{"-c", "f", "--hold-timeout", "15"}, "duration"},
      {{"-c", "f", "--metrics-address", "15020"}, "IP:PORT"},
      {{"-c", "f", "--identity-dir", "/d"}, "--ca-address"},
      {{"-c", "f", "--identity-dir", "/d", "--ca-address", "control"}, "HOST:PORT"},
  };
  for (const auto& [line, words] : wrong) {
    const FlagsOutcome outcome = ParseFlags(line);
    EXPECT_FALSE(outcome.flags.has_value()) << words;
    EXPECT_EQ(outcome.exit_code, 2) << words;
    EXPECT_THAT(outcome.error, HasSubstr(words));
  }
}

TEST(Flags, ASidecarsLine) {
  const FlagsOutcome outcome =
      ParseFlags({"-c", "boot.yaml", "--hold", "15001,15006", "--component-log-level", "http:debug,xds:trace",
                  "--metrics-address", "[::]:15020", "--identity-dir", "/run/weft", "--ca-address", "[fd00::1]:15012",
                  "--join-token", "secret", "--drain-time", "2m"});
  ASSERT_TRUE(outcome.flags.has_value()) << outcome.error;
  const Flags& flags = *outcome.flags;
  EXPECT_EQ(flags.hold, (std::vector<uint16_t>{15001, 15006}));
  EXPECT_EQ(flags.component_levels.size(), 2u);
  EXPECT_EQ(flags.metrics_address->ToString(), "[::]:15020");
  EXPECT_EQ(flags.ca_host, "fd00::1");
  EXPECT_EQ(flags.ca_port, 15012);
  EXPECT_EQ(flags.drain_time, std::chrono::minutes(2));
  for (const auto& [name, value] : flags.shown) EXPECT_NE(value, "secret") << name;
}

}  // namespace
}  // namespace weft::app
