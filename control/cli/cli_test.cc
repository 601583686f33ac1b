// What `weft` does before and after it talks to a server: the command line, tables, completion scripts.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <sstream>

#include "control/cli/completion.h"
#include "control/cli/invocation.h"
#include "control/cli/run.h"
#include "control/cli/table.h"

namespace weft::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

struct Ran {
  int exit;
  std::string out, err;
};

Ran RunWeft(const std::vector<std::string>& arguments) {
  std::ostringstream out, err;
  const Environment environment{
      .out = &out, .err = &err, .now = [] { return absl::UnixEpoch(); }, .author = "somebody", .dial = nullptr};
  const int exit = Run(arguments, environment);
  return {exit, out.str(), err.str()};
}

Invocation Parsed(const std::vector<std::string>& arguments) {
  Invocation invocation;
  const ParseResult result = ParseCommandLine(arguments, &invocation);
  EXPECT_FALSE(result.exit.has_value()) << result.err;
  return invocation;
}

TEST(CommandLineTest, GlobalFlagsMayFollowTheCommand) {
  const Invocation in =
      Parsed({"get", "routes", "web", "-n", "shop", "-o", "yaml", "--server", "unix:/x", "--timeout", "2m"});
  EXPECT_EQ(in.command, Command::kGet);
  EXPECT_EQ(in.kind, "routes");
  EXPECT_THAT(in.names, ::testing::ElementsAre("web"));
  EXPECT_EQ(in.ns, "shop");
  EXPECT_EQ(in.format, Format::kYaml);
  EXPECT_EQ(in.server, "unix:/x");
  EXPECT_EQ(in.timeout, absl::Minutes(2));
}

TEST(CommandLineTest, TheServerComesFromTheEnvironmentUnlessItIsSaid) {
  setenv("WEFT_SERVER", "unix:/from/environment", 1);
  EXPECT_EQ(Parsed({"proxies"}).server, "unix:/from/environment");
  EXPECT_EQ(Parsed({"--server", "127.0.0.1:1", "proxies"}).server, "127.0.0.1:1");
  unsetenv("WEFT_SERVER");
}

TEST(CommandLineTest, TokensOfAnIdentity) {
  const Invocation in = Parsed({"token", "create", "--identity", "shop/web", "--ttl", "7d", "--uses", "3"});
  EXPECT_EQ(in.command, Command::kTokenCreate);
  EXPECT_EQ(in.identity, "shop/web");
  EXPECT_EQ(in.ttl, absl::Hours(7 * 24));
  EXPECT_EQ(in.uses, 3);
}

TEST(CommandLineTest, WrongOnesEndWithTwoAndSayHowItIsRight) {
  const std::pair<std::vector<std::string>, std::string> kWrong[] = {
      {{}, "a command is missing"},
      {{"aply"}, "unknown command \"aply\"; did you mean \"apply\""},
      {{"apply"}, "--filename is required"},
      {{"get"}, "KIND"},
      {{"get", "routes", "-o", "xml"}, "--output"},
      {{"get", "routes", "-A", "-n", "shop"}, "-A and -n exclude each other"},
      {{"get", "routes", "-l", "web"}, "write KEY=VALUE"},
      {{"delete", "route"}, "say what to delete"},
      {{"delete", "route", "web", "-f", "x.yaml"}, "exclude each other"},
      {{"rollback"}, "REVISION"},
      {{"rollback", "-3"}, "weft rollback --help"},
      {{"rollback", "0"}, "REVISION: \"0\" is no revision"},
      {{"rollback", "18446744073709551616"}, "\"18446744073709551616\" is no revision"},
      {{"token", "create"}, "--identity is required"},
      {{"token", "create", "--identity", "a/b", "--ttl", "soon"}, "--ttl: \"soon\" is no duration"},
      {{"version", "--timeout", "0"}, "--timeout"},
      {{"version", "--server", "nowhere"}, "write unix:PATH or HOST:PORT"},
      {{"apply", "-f", "/no/such/file.yaml"}, "/no/such/file.yaml"},
  };
  for (const auto& [arguments, text] : kWrong) {
    const Ran ran = RunWeft(arguments);
    EXPECT_EQ(ran.exit, kUsage) << ::testing::PrintToString(arguments);
    EXPECT_THAT(ran.err, HasSubstr(text)) << ::testing::PrintToString(arguments);
    EXPECT_THAT(ran.err, HasSubstr("weft: "));
  }
}

TEST(CommandLineTest, HelpNamesTheWholeCommand) {
  EXPECT_THAT(RunWeft({"--help"}).out, HasSubstr("Usage: weft [OPTIONS]"));
  EXPECT_THAT(RunWeft({"token", "create", "--help"}).out, HasSubstr("Usage: weft token create [OPTIONS]"));
}

TEST(CommandLineTest, NobodyThereEndsWithThree) {
  const Ran ran = RunWeft({"proxies", "--server", "unix:/no/such/socket"});
  EXPECT_EQ(ran.exit, kUnreachable);
  EXPECT_THAT(ran.err, HasSubstr("No such file or directory"));
  EXPECT_EQ(ran.out, "");
}

TEST(CommandLineTest, TheTokenDoesNotCrossTheNetworkInTheClear) {
  const Ran ran = RunWeft({"proxies", "--server", "192.0.2.1:15013", "--token", "secret"});
  EXPECT_EQ(ran.exit, kUsage);
  EXPECT_THAT(ran.err, HasSubstr("unencrypted"));
  EXPECT_THAT(ran.err, Not(HasSubstr("secret")));
}

TEST(CommandLineTest, HelpAndVersionNeedNoServer) {
  EXPECT_EQ(RunWeft({"--help"}).exit, kOk);
  EXPECT_THAT(RunWeft({"--help"}).out, HasSubstr("Exit codes"));
  EXPECT_THAT(RunWeft({"token", "create", "--help"}).out, HasSubstr("--identity"));
  EXPECT_THAT(RunWeft({"--version"}).out, HasSubstr("weft "));
  EXPECT_EQ(RunWeft({"version", "--client"}).exit, kOk);
}

TEST(TableTest, ColumnsLineUpByCharactersAndHoldNoControls) {
  Table table({"NAME", "AGE"});
  table.Add({"\xc3\xa4\xc3\xb6", "1s"});
  table.Add({"longer\x1b[31m", ""});
  std::ostringstream out;
  table.Print(out);
  EXPECT_EQ(out.str(), "NAME          AGE\n\xc3\xa4\xc3\xb6            1s\nlonger [31m   -\n");
}

TEST(TableTest, DurationsHaveOneUnitOrTwo) {
  EXPECT_EQ(ShortDuration(absl::Seconds(119)), "119s");
  EXPECT_EQ(ShortDuration(absl::Seconds(125)), "2m5s");
  EXPECT_EQ(ShortDuration(absl::Minutes(150)), "150m");
  EXPECT_EQ(ShortDuration(absl::Hours(5)), "5h");
  EXPECT_EQ(ShortDuration(absl::Hours(60)), "2d12h");
  EXPECT_EQ(ShortDuration(-absl::Seconds(3)), "-3s");
}

// tests/integration/control_test.py runs the script in a real bash.
TEST(CompletionTest, EveryShellKnowsEveryCommand) {
  for (const char* shell : {"bash", "zsh", "fish"}) {
    for (const char* command : {"apply", "rollback", "token", "proxies", "certs"}) {
      EXPECT_THAT(CompletionScript(shell), HasSubstr(command)) << shell;
    }
  }
  EXPECT_THAT(CompletionScript("zsh"), Not(HasSubstr("mapfile")));     // zsh has none
  EXPECT_THAT(CompletionScript("zsh"), Not(HasSubstr("local path")));  // and that would be its PATH
}

}  // namespace
}  // namespace weft::cli
