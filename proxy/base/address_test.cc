#include "proxy/base/address.h"

#include <gtest/gtest.h>

namespace weft::base {
namespace {

TEST(Address, ParsesAndPrintsBothFamilies) {
  EXPECT_EQ(Address::Parse("1.2.3.4:80")->ToString(), "1.2.3.4:80");
  EXPECT_EQ(Address::Parse("[::1]:443")->ToString(), "[::1]:443");
  EXPECT_EQ(Address::FromIp("2001:db8::1", 5)->ip(), "2001:db8::1");
  const std::string longest(sizeof(sockaddr_un::sun_path) - 1, 'p');
  EXPECT_EQ(Address::FromPath(longest)->ToString(), "unix:" + longest);
  EXPECT_EQ(Address().ToString(), "-");
  for (const char* bad :
       {"", "1.2.3.4", "1.2.3.4:", "1.2.3.4:65536", "1.2.3:80", "::1:80", "[::1]", "host:80", "1.2.3.4:8x"}) {
    EXPECT_FALSE(Address::Parse(bad)) << bad;
  }
}

TEST(Address, MappedIpv4IsIpv4) {
  sockaddr_in6 mapped{};
  mapped.sin6_family = AF_INET6;
  mapped.sin6_port = htons(99);
  const Address v6 = *Address::FromIp("::ffff:10.0.0.1", 99);
  mapped.sin6_addr = reinterpret_cast<const sockaddr_in6*>(v6.raw())->sin6_addr;
  const Address address = Address::FromSockaddr(reinterpret_cast<const sockaddr*>(&mapped), sizeof mapped);
  EXPECT_EQ(address.family(), AF_INET);
  EXPECT_EQ(address.ToString(), "10.0.0.1:99");
}

TEST(Address, ComparesByFamilyAddressAndPort) {
  EXPECT_EQ(*Address::Parse("1.2.3.4:80"), *Address::FromIp("1.2.3.4", 80));
  EXPECT_FALSE(*Address::Parse("1.2.3.4:80") == *Address::Parse("1.2.3.4:81"));
  EXPECT_FALSE(*Address::Parse("0.0.0.0:80") == *Address::Parse("[::]:80"));
  EXPECT_EQ(Address::Parse("1.2.3.4:80")->Hash(), Address::FromIp("1.2.3.4", 80)->Hash());
  EXPECT_TRUE(Address::Parse("127.9.0.1:1")->is_loopback());
  EXPECT_TRUE(Address::Parse("[::1]:1")->is_loopback());
  EXPECT_FALSE(Address::Parse("128.0.0.1:1")->is_loopback());
  EXPECT_TRUE(Address::Parse("[::]:1")->is_wildcard());
}

TEST(Cidr, ContainsItsRangeOnly) {
  const Cidr ten = *Cidr::Make("10.1.0.0", 16);
  EXPECT_TRUE(ten.Contains(*Address::Parse("10.1.255.255:1")));
  EXPECT_FALSE(ten.Contains(*Address::Parse("10.2.0.0:1")));
  EXPECT_FALSE(ten.Contains(*Address::Parse("[::1]:1")));
  EXPECT_TRUE(Cidr::Make("0.0.0.0", 0)->Contains(*Address::Parse("9.9.9.9:1")));
  EXPECT_TRUE(Cidr::Make("fd00::", 9)->Contains(*Address::Parse("[fd7f::1]:1")));
  EXPECT_FALSE(Cidr::Make("fd00::", 9)->Contains(*Address::Parse("[fd80::1]:1")));
  EXPECT_FALSE(Cidr::Make("10.0.0.0", 33));
  EXPECT_FALSE(Cidr::Make("nonsense", 8));
}

}  // namespace
}  // namespace weft::base
