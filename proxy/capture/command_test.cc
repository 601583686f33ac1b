#include "proxy/capture/command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>
#include <vector>

#include "proxy/capture/rules.h"

namespace weft::capture {
namespace {

using testing::HasSubstr;

struct Outcome {
  int code;
  std::string out;
  std::string error;
};

Outcome RunWith(std::vector<const char*> flags) {
  flags.insert(flags.begin(), "capture");
  std::ostringstream out, error;
  const int code = Run(static_cast<int>(flags.size()), flags.data(), out, error);
  return {code, out.str(), error.str()};
}

TEST(Command, DryRunPrintsTheRules) {
  const Outcome done = RunWith({"--dry-run"});
  EXPECT_EQ(done.code, 0) << done.error;
  EXPECT_EQ(done.out, RulesText(Settings()));
}

TEST(Command, DryRunOfUndo) { EXPECT_EQ(RunWith({"--undo", "--dry-run"}).out, UndoText()); }

TEST(Command, FlagsReachTheRules) {
  const Outcome done = RunWith({"--dry-run", "--inbound", "16", "--outbound=17", "--exclude-inbound-ports", "22,80-81",
                                "--exclude-inbound-ports", "23", "--exclude-outbound-cidrs", "10.0.0.0/8,fd00::/8",
                                "--include-outbound-ports", "443", "--exclude-interfaces=eth1"});
  ASSERT_EQ(done.code, 0) << done.error;
  for (const char* text :
       {"redirect to :16", "redirect to :17", "{ 22-23, 80-81 } return", "ip daddr { 10.0.0.0/8 } return",
        "ip6 daddr { fd00::/8 } return", "{ 443 } redirect", "{ \"eth1\" } return"}) {
    EXPECT_THAT(done.out, HasSubstr(text));
  }
}

TEST(Command, WrongUsageNamesFlagAndValue) {
  const Outcome port = RunWith({"--exclude-inbound-ports", "22,http"});
  EXPECT_EQ(port.code, 2);
  EXPECT_THAT(port.error, HasSubstr("--exclude-inbound-ports: 'http'"));
  EXPECT_EQ(RunWith({"--inbound", "0"}).code, 2);
  EXPECT_EQ(RunWith({"--inbound", "70000"}).code, 2);
  EXPECT_THAT(RunWith({"--bogus"}).error, HasSubstr("--bogus"));
  EXPECT_EQ(RunWith({"--bogus"}).code, 2);
  EXPECT_EQ(RunWith({"--inbound=15001"}).code, 2);
}

TEST(Command, Help) {
  const Outcome help = RunWith({"--help"});
  EXPECT_EQ(help.code, 0);
  EXPECT_THAT(help.out, HasSubstr("--exclude-outbound-cidrs"));
}

}  // namespace
}  // namespace weft::capture
