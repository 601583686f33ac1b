#include "proxy/capture/rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weft::capture {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

// The text between "chain NAME {" and its "}".
std::string Chain(const std::string& rules, const std::string& name) {
  const size_t begin = rules.find("chain " + name + " {");
  if (begin == rules.npos) return "";
  return rules.substr(begin, rules.find("\n  }\n", begin) - begin);
}

TEST(Rules, ReplaceWhatWasThereInTheSameTransaction) {
  EXPECT_THAT(RulesText(Settings()), StartsWith(UndoText() + "table inet weft {"));
}

TEST(Rules, OwnTrafficIsDecidedBeforeAnythingElse) {
  const std::string output = Chain(RulesText(Settings()), "output");
  const size_t straight = output.find("meta mark 0x77656675 return");
  const size_t unprivileged = output.find("meta priority 0:3 return");
  const size_t own = output.find("meta mark 0x77656674 goto own");
  const size_t own_unprivileged = output.find("meta priority 0:5 goto own");
  const size_t local = output.find("oifname \"lo\" return");
  const size_t rest = output.find("goto outbound");
  ASSERT_NE(rest, output.npos);
  EXPECT_LT(straight, local);
  EXPECT_LT(unprivileged, local);
  EXPECT_LT(own, local);
  EXPECT_LT(own_unprivileged, local);
  EXPECT_LT(local, rest);
}

TEST(Rules, OwnTrafficComesBackOnlyForThisPodAndNeverForLoopback) {
  const std::string own = Chain(RulesText(Settings()), "own");
  EXPECT_THAT(own, HasSubstr("oifname \"lo\" ip daddr != 127.0.0.0/8 jump inbound"));
  EXPECT_THAT(own, HasSubstr("oifname \"lo\" ip6 daddr != ::1 jump inbound"));
  EXPECT_THAT(own, Not(HasSubstr("redirect")));
}

TEST(Rules, EverythingIsCapturedExceptTheMetricsPort) {
  const std::string rules = RulesText(Settings());
  const std::string inbound = Chain(rules, "inbound");
  EXPECT_LT(inbound.find("tcp dport 15020 return"), inbound.find("meta l4proto tcp redirect to :15006"));
  EXPECT_THAT(Chain(rules, "outbound"), HasSubstr("meta l4proto tcp redirect to :15001"));
}

TEST(Rules, OnlyTrafficToThisPodIsInbound) {
  EXPECT_THAT(Chain(RulesText(Settings()), "prerouting"),
              HasSubstr("fib daddr type local meta l4proto tcp jump inbound"));
}

TEST(Rules, ConnectionsThatAreOpenAlreadyAreLeftAlone) {
  const std::string rules = RulesText(Settings());
  const std::string older = "tcp flags & (fin | syn | rst | ack) != syn return";
  const std::string prerouting = Chain(rules, "prerouting"), output = Chain(rules, "output");
  ASSERT_THAT(prerouting, HasSubstr(older));
  ASSERT_THAT(output, HasSubstr(older));
  EXPECT_LT(prerouting.find(older), prerouting.find("jump inbound"));
  EXPECT_LT(output.find(older), output.find("goto own"));
}

TEST(Rules, PortsThatWereAskedFor) {
  Settings settings;
  settings.inbound_port = 7001;
  settings.outbound_port = 7002;
  EXPECT_THAT(Chain(RulesText(settings), "inbound"), HasSubstr("redirect to :7001"));
  EXPECT_THAT(Chain(RulesText(settings), "outbound"), HasSubstr("redirect to :7002"));
}

TEST(Rules, ExclusionsComeBeforeInclusions) {
  Settings settings;
  settings.include_inbound_ports = {{80, 80}};
  settings.exclude_inbound_ports = {{22, 22}, {8000, 8010}};
  settings.include_outbound_ports = {{443, 443}};
  settings.exclude_outbound_ports = {{25, 25}};
  settings.include_outbound_cidrs = *ParseCidrs({"10.0.0.0/8", "fd00::/8"});
  settings.exclude_outbound_cidrs = *ParseCidrs({"169.254.169.254"});
  settings.exclude_interfaces = {"docker*", "eth1"};
  const std::string rules = RulesText(settings);

  const std::string inbound = Chain(rules, "inbound");
  EXPECT_LT(inbound.find("tcp dport { 22, 8000-8010 } return"), inbound.find("tcp dport { 80 } redirect to :15006"));
  EXPECT_THAT(inbound, Not(HasSubstr("meta l4proto tcp redirect")));

  const std::string outbound = Chain(rules, "outbound");
  const size_t included = outbound.find("tcp dport { 443 } redirect to :15001");
  ASSERT_NE(included, outbound.npos);
  EXPECT_LT(outbound.find("tcp dport { 25 } return"), included);
  EXPECT_LT(outbound.find("ip daddr { 169.254.169.254/32 } return"), included);
  EXPECT_THAT(outbound, HasSubstr("ip daddr { 10.0.0.0/8 } meta l4proto tcp redirect to :15001"));
  EXPECT_THAT(outbound, HasSubstr("ip6 daddr { fd00::/8 } meta l4proto tcp redirect to :15001"));
  EXPECT_THAT(outbound, Not(HasSubstr("    meta l4proto tcp redirect")));

  EXPECT_THAT(Chain(rules, "prerouting"), HasSubstr("iifname { \"docker*\", \"eth1\" } return"));
  EXPECT_THAT(Chain(rules, "output"), HasSubstr("oifname { \"docker*\", \"eth1\" } return"));
}

TEST(Rules, Ipv4OnlySaysNothingOfIpv6) {
  Settings settings;
  settings.ipv4_only = true;
  const std::string rules = RulesText(settings).substr(UndoText().size());
  EXPECT_THAT(rules, StartsWith("table ip weft {"));
  EXPECT_THAT(rules, Not(HasSubstr("ip6")));
}

// As nft prints it: with tabs, and in words of its own.
constexpr char kListing[] =
    "table inet weft {\n"
    "\tchain inbound {\n"
    "\t\ttcp dport 15020 return comment \"weft: metrics and probes\"\n"
    "\t\tmeta l4proto tcp redirect to :15006 comment \"weft: inbound\"\n"
    "\t}\n\n"
    "\tchain output {\n"
    "\t\ttype nat hook output priority -100; policy accept;\n"
    "\t\tgoto outbound\n"
    "\t}\n"
    "}\n";

TEST(Rules, ATableOfOursIsKnown) {
  EXPECT_EQ(ForeignLine(""), "");
  EXPECT_EQ(ForeignLine("table inet weft {\n}\n"), "");
  EXPECT_EQ(ForeignLine(kListing), "");
  EXPECT_EQ(ForeignLine(RulesText(Settings()).substr(UndoText().size())), "");
}

// A firewall's own table of this name was deleted without a word.
TEST(Rules, ATableOfSomebodyElseIsKnownByItsFirstLine) {
  EXPECT_EQ(ForeignLine("table inet weft {\n\tchain input {\n\t}\n}\n"), "chain input {");
  EXPECT_EQ(ForeignLine("table inet weft {\n\tset blocked {\n\t}\n}\n"), "set blocked {");
  std::string mixed = kListing;
  mixed.replace(mixed.find("goto outbound"), 13, "tcp dport 22 drop");
  EXPECT_EQ(ForeignLine(mixed), "tcp dport 22 drop");
}

TEST(Rules, UndoTakesBothFamilies) {
  EXPECT_THAT(UndoText(), HasSubstr("delete table inet weft\n"));
  EXPECT_THAT(UndoText(), HasSubstr("delete table ip weft\n"));
}

}  // namespace
}  // namespace weft::capture
