#include "proxy/config/snapshot.h"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>

namespace weft::config {
namespace {

using SourceType = FilterChainMatchSpec::SourceType;

base::Address At(std::string_view text) { return *base::Address::Parse(text); }

class MatchTest : public ::testing::Test {
 protected:
  MatchTest() {
    facts_.destination = At("10.0.0.5:443");
    facts_.source = At("10.9.0.1:40000");
  }
  void Add(std::string name, const std::function<void(FilterChainMatchSpec&)>& fill) {
    auto chain = std::make_shared<FilterChain>();
    chain->name = std::move(name);
    fill(chain->match);
    listener_.chains.push_back(std::move(chain));
  }
  std::string Matched() const {
    const FilterChain* chain = listener_.Match(facts_);
    return chain == nullptr ? "none" : chain->name;
  }
  Listener listener_;
  ConnectionFacts facts_;
};

TEST_F(MatchTest, NothingMatchesAnEmptyListenerAndTheDefaultTakesTheRest) {
  EXPECT_EQ(Matched(), "none");
  Add("other port", [](auto& match) { match.destination_port = 80; });
  EXPECT_EQ(Matched(), "none");
  auto rest = std::make_shared<FilterChain>();
  rest->name = "default";
  listener_.default_chain = rest;
  EXPECT_EQ(Matched(), "default");
  facts_.destination = At("10.0.0.5:80");
  EXPECT_EQ(Matched(), "other port");
}

TEST_F(MatchTest, PortBeatsPrefixAndTheLongestPrefixWins) {
  Add("all", [](auto&) {});
  Add("/8", [](auto& match) { match.destination_prefixes = {*base::Cidr::Make("10.0.0.0", 8)}; });
  Add("/32", [](auto& match) {
    match.destination_prefixes = {*base::Cidr::Make("10.1.0.0", 16), *base::Cidr::Make("10.0.0.5", 32)};
  });
  EXPECT_EQ(Matched(), "/32");
  facts_.destination = At("10.0.0.6:443");
  EXPECT_EQ(Matched(), "/8");
  facts_.destination = At("[fd00::1]:443");
  EXPECT_EQ(Matched(), "all");
  Add("port", [](auto& match) { match.destination_port = 443; });
  facts_.destination = At("10.0.0.5:443");
  EXPECT_EQ(Matched(), "port");
}

TEST_F(MatchTest, ThereIsNoWayBackFromAStep) {
  Add("port and name", [](auto& match) {
    match.destination_port = 443;
    match.server_names = {"a.example.com"};
  });
  Add("all", [](auto&) {});
  facts_.server_name = "b.example.com";
  EXPECT_EQ(Matched(), "none");  // the port has decided
}

TEST_F(MatchTest, ServerNamesExactThenLongestWildcardThenNone) {
  Add("none", [](auto&) {});
  Add("*.com", [](auto& match) { match.server_names = {"*.com"}; });
  Add("*.b.com", [](auto& match) { match.server_names = {"*.b.com"}; });
  Add("exact", [](auto& match) { match.server_names = {"x.org", "a.b.com"}; });
  const std::pair<const char*, const char*> cases[] = {
      {"a.b.com", "exact"}, {"c.b.com", "*.b.com"}, {"d.c.b.com", "*.b.com"}, {"b.com", "*.com"},
      {"com", "none"},      {"", "none"},           {"ab.com.org", "none"}};
  for (const auto& [name, chain] : cases) {
    facts_.server_name = name;
    EXPECT_EQ(Matched(), chain) << name;
  }
}

TEST_F(MatchTest, TransportAndApplicationProtocols) {
  Add("plain", [](auto& match) { match.transport_protocol = "raw_buffer"; });
  Add("plain http", [](auto& match) {
    match.transport_protocol = "raw_buffer";
    match.application_protocols = {"http/1.1", "h2c"};
  });
  Add("tls", [](auto& match) { match.transport_protocol = "tls"; });
  Add("mesh", [](auto& match) {
    match.transport_protocol = "tls";
    match.application_protocols = {"weft-http/1.1", "weft-tcp"};
  });
  Add("h2", [](auto& match) {
    match.transport_protocol = "tls";
    match.application_protocols = {"h2"};
  });
  EXPECT_EQ(Matched(), "plain");
  facts_.application_protocols = {"http/1.1"};
  EXPECT_EQ(Matched(), "plain http");
  facts_.tls = true;
  EXPECT_EQ(Matched(), "tls");
  facts_.application_protocols = {"h2", "weft-tcp"};
  EXPECT_EQ(Matched(), "h2");  // the client's order
  facts_.application_protocols = {"weft-tcp", "h2"};
  EXPECT_EQ(Matched(), "mesh");
}

TEST_F(MatchTest, ANameThatMayBeHiddenIsMatchedByAddressWhereAChainSaysSo) {
  Add("named", [](auto& match) { match.server_names = {"front.test"}; });
  Add("by address", [](auto& match) {
    match.server_names = {"*.shop.test"};
    match.hidden_name = FilterChainMatchSpec::HiddenName::kByAddress;
  });
  facts_.tls = true;
  facts_.server_name = "pay.shop.test";
  EXPECT_EQ(Matched(), "by address");
  facts_.server_name = "other.test";
  EXPECT_EQ(Matched(), "none");
  facts_.may_be_hidden = true;
  EXPECT_EQ(Matched(), "by address") << "the outer name says nothing";
  facts_.server_name = "";
  EXPECT_EQ(Matched(), "by address");
  facts_.server_name = "front.test";
  EXPECT_EQ(Matched(), "named") << "a chain that allows hidden names takes the outer one for the name";
}

TEST_F(MatchTest, WhoConnectedAndWhoIsTheClientAreTwoQuestions) {
  Add("through the balancer", [](auto& match) { match.direct_source_prefixes = {*base::Cidr::Make("10.9.0.0", 16)}; });
  Add("from the office", [](auto& match) { match.source_prefixes = {*base::Cidr::Make("192.0.2.0", 24)}; });
  EXPECT_EQ(Matched(), "through the balancer") << "nobody stands between: both are the same";
  facts_.direct_source = facts_.source;
  facts_.source = At("192.0.2.1:1");
  EXPECT_EQ(Matched(), "through the balancer") << "that step comes first";
  facts_.direct_source = At("10.8.0.1:1");
  EXPECT_EQ(Matched(), "from the office");
  facts_.source = At("198.51.100.1:1");
  EXPECT_EQ(Matched(), "none");
}

class FirstBytesTest : public MatchTest {
 protected:
  FirstBytesTest() { listener_.needs_first_bytes = true; }
  bool Needed(std::string_view destination, std::string_view source = "10.9.0.1:40000") {
    facts_.destination = At(destination);
    facts_.source = At(source);
    return listener_.NeedsFirstBytes(facts_);
  }
};

TEST_F(FirstBytesTest, OnlyTheChainsOfTheDestinationAreAsked) {
  Add("opaque", [](auto& match) { match.destination_port = 3306; });
  Add("plain", [](auto& match) {
    match.destination_port = 80;
    match.transport_protocol = "raw_buffer";
  });
  EXPECT_TRUE(Needed("10.0.0.5:80"));
  EXPECT_FALSE(Needed("10.0.0.5:3306"));
  EXPECT_FALSE(Needed("10.0.0.5:81"));  // the default chain, whatever comes
  listener_.needs_first_bytes = false;  // no inspector
  EXPECT_FALSE(Needed("10.0.0.5:80"));
}

TEST_F(FirstBytesTest, TheLongestPrefixDecidesInWhateverOrderTheChainsCome) {
  const auto names = [](auto& match) { match.server_names = {"a.example.com"}; };
  const auto at_32 = [](auto& match) { match.destination_prefixes = {*base::Cidr::Make("10.0.0.5", 32)}; };
  const auto at_8 = [](auto& match) { match.destination_prefixes = {*base::Cidr::Make("10.0.0.0", 8)}; };
  for (const bool longest_first : {true, false}) {
    listener_.chains.clear();
    if (longest_first) Add("quiet", at_32);
    Add("names", [&](auto& match) { (at_8(match), names(match)); });
    if (!longest_first) Add("quiet", at_32);
    EXPECT_FALSE(Needed("10.0.0.5:443")) << longest_first;
    EXPECT_TRUE(Needed("10.0.0.6:443")) << longest_first;
    EXPECT_FALSE(Needed("11.0.0.6:443")) << longest_first;
  }
}

TEST_F(FirstBytesTest, APortShutsOutChainsOfAnyPortAlsoWhereItsAddressDoesNotFit) {
  for (const bool port_first : {true, false}) {
    listener_.chains.clear();
    const auto add_port = [&] {
      Add("port", [](auto& match) {
        match.destination_port = 443;
        match.destination_prefixes = {*base::Cidr::Make("192.168.0.0", 16)};
      });
    };
    if (port_first) add_port();
    Add("any port", [](auto& match) { match.transport_protocol = "tls"; });
    if (!port_first) add_port();
    EXPECT_FALSE(Needed("10.0.0.5:443")) << port_first;
    facts_.tls = true;
    EXPECT_EQ(Matched(), "none") << port_first;  // so says the match itself
    EXPECT_TRUE(Needed("10.0.0.5:444")) << port_first;
  }
}

TEST_F(FirstBytesTest, NobodyIsAskedWhenTheSourceFitsNoChain) {
  Add("tls from 10/8", [](auto& match) {
    match.transport_protocol = "tls";
    match.source_prefixes = {*base::Cidr::Make("10.0.0.0", 8)};
  });
  EXPECT_TRUE(Needed("10.0.0.5:443", "10.9.0.1:5"));
  EXPECT_FALSE(Needed("10.0.0.5:443", "11.9.0.1:5"));
  Add("the others", [](auto&) {});
  // A ClientHello leads to the first chain, which refuses that source: the bytes matter again.
  EXPECT_TRUE(Needed("10.0.0.5:443", "11.9.0.1:5"));
  EXPECT_EQ(Matched(), "the others");
  facts_.tls = true;
  EXPECT_EQ(Matched(), "none");
}

TEST_F(MatchTest, SourceTypePrefixAndPort) {
  Add("any", [](auto&) {});
  Add("local", [](auto& match) { match.source_type = SourceType::kSameIpOrLoopback; });
  EXPECT_EQ(Matched(), "any");
  facts_.source = At("127.0.0.1:5");
  EXPECT_EQ(Matched(), "local");
  facts_.source = At("10.0.0.5:5");
  EXPECT_EQ(Matched(), "local");
  Add("external", [](auto& match) { match.source_type = SourceType::kExternal; });
  Add("external from 10/8", [](auto& match) {
    match.source_type = SourceType::kExternal;
    match.source_prefixes = {*base::Cidr::Make("10.0.0.0", 8)};
  });
  Add("external from 10/8 port 7", [](auto& match) {
    match.source_type = SourceType::kExternal;
    match.source_prefixes = {*base::Cidr::Make("10.0.0.0", 8)};
    match.source_ports = {6, 7};
  });
  facts_.source = At("10.9.0.1:5");
  EXPECT_EQ(Matched(), "external from 10/8");
  facts_.source = At("10.9.0.1:7");
  EXPECT_EQ(Matched(), "external from 10/8 port 7");
  facts_.source = At("11.9.0.1:7");
  EXPECT_EQ(Matched(), "external");
}

TEST(FindListenerForTest, TheAddressItselfThenTheWildcardOfItsFamilyThenAnyOther) {
  Snapshot snapshot;
  const auto add = [&](const std::string& name, const std::string& address) {
    auto listener = std::make_shared<Listener>();
    listener->spec.name = name;
    listener->spec.addresses = {At(address)};
    ASSERT_TRUE(snapshot.listeners.emplace(name, listener));
  };
  add("six", "[::]:80");
  ASSERT_NE(snapshot.FindListenerFor(At("10.0.0.1:80")), nullptr);
  EXPECT_EQ(snapshot.FindListenerFor(At("10.0.0.1:80"))->spec.name, "six");
  add("four", "0.0.0.0:80");
  add("exact", "10.0.0.1:80");
  EXPECT_EQ(snapshot.FindListenerFor(At("10.0.0.1:80"))->spec.name, "exact");
  EXPECT_EQ(snapshot.FindListenerFor(At("10.0.0.2:80"))->spec.name, "four");
  EXPECT_EQ(snapshot.FindListenerFor(At("[fd00::1]:80"))->spec.name, "six");
  EXPECT_EQ(snapshot.FindListenerFor(At("10.0.0.1:81")), nullptr);
}

}  // namespace
}  // namespace weft::config
