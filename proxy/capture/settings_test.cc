#include "proxy/capture/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weft::capture {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string> Texts(const std::vector<base::Cidr>& networks) {
  std::vector<std::string> texts;
  for (const base::Cidr& network : networks)
    texts.push_back(network.prefix().ip() + "/" + std::to_string(network.length()));
  return texts;
}

TEST(Ports, AreSortedAndMerged) {
  const auto ports = ParsePorts({"9000", "80", "8000-8010", "8005-8020", "8021", "80"});
  ASSERT_TRUE(ports.ok()) << ports.status();
  EXPECT_THAT(*ports, ElementsAre(PortRange{80, 80}, PortRange{8000, 8021}, PortRange{9000, 9000}));
}

TEST(Ports, LastPortMergesWithoutOverflow) {
  const auto ports = ParsePorts({"65535", "65000-65535"});
  ASSERT_TRUE(ports.ok());
  EXPECT_THAT(*ports, ElementsAre(PortRange{65000, 65535}));
}

TEST(Ports, WrongOnesAreNamed) {
  for (const char* wrong : {"", "0", "65536", "http", "80-", "-80", "90-80", "80 ", "1-2-3"}) {
    const auto ports = ParsePorts({"22", wrong});
    ASSERT_FALSE(ports.ok()) << wrong;
    EXPECT_THAT(std::string(ports.status().message()), HasSubstr(std::string("'") + wrong + "'"));
  }
}

TEST(Cidrs, AddressIsItsOwnNetwork) {
  const auto networks = ParseCidrs({"10.0.0.1", "fd00::1"});
  ASSERT_TRUE(networks.ok());
  EXPECT_THAT(Texts(*networks), ElementsAre("10.0.0.1/32", "fd00::1/128"));
}

TEST(Cidrs, OneWithinAnotherIsLeftOut) {
  const auto networks =
      ParseCidrs({"10.1.0.0/16", "10.0.0.0/8", "192.168.0.0/16", "10.0.0.0/8", "fd00:1::/32", "fd00::/8"});
  ASSERT_TRUE(networks.ok());
  EXPECT_THAT(Texts(*networks), ElementsAre("10.0.0.0/8", "fd00::/8", "192.168.0.0/16"));
}

TEST(Cidrs, WrongOnesAreNamed) {
  for (const char* wrong : {"", "10.0.0.0/33", "10.0.0.1/8", "10.0.0.0/", "fd00::1/64", "example.com", "10.0.0.0/-1"}) {
    const auto networks = ParseCidrs({wrong});
    ASSERT_FALSE(networks.ok()) << wrong;
    EXPECT_THAT(std::string(networks.status().message()), HasSubstr(std::string("'") + wrong + "'"));
  }
}

TEST(Interfaces, NothingThatCouldEndTheQuotes) {
  const auto names = ParseInterfaces({"eth1", "docker*", "eth1"});
  ASSERT_TRUE(names.ok());
  EXPECT_THAT(*names, ElementsAre("docker*", "eth1"));
  for (const char* wrong : {"", "*", "a b", "a\"", "a/b", "much-too-long-name", "a;b", "a**"}) {
    EXPECT_FALSE(ParseInterfaces({wrong}).ok()) << wrong;
  }
}

TEST(Settings, ContradictionsAreRefused) {
  Settings settings;
  EXPECT_TRUE(Check(settings).ok());
  settings.outbound_port = settings.inbound_port;
  EXPECT_FALSE(Check(settings).ok());
  settings = Settings();
  settings.ipv4_only = true;
  settings.exclude_outbound_cidrs = *ParseCidrs({"10.0.0.0/8"});
  EXPECT_TRUE(Check(settings).ok());
  settings.exclude_outbound_cidrs = *ParseCidrs({"fd00::/8"});
  EXPECT_THAT(std::string(Check(settings).message()), HasSubstr("fd00::/8"));
}

}  // namespace
}  // namespace weft::capture
