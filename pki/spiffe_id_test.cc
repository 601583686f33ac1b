#include "pki/spiffe_id.h"

#include <gtest/gtest.h>

#include <string>

namespace weft::pki {
namespace {

TEST(SpiffeId, RoundTrip) {
  auto id = ParseSpiffeId("spiffe://cluster.local/ns/shop/sa/cart-v2");
  ASSERT_TRUE(id.ok()) << id.status();
  EXPECT_EQ(id->trust_domain, "cluster.local");
  EXPECT_EQ(id->ns, "shop");
  EXPECT_EQ(id->service_account, "cart-v2");
  EXPECT_EQ(id->ToString(), "spiffe://cluster.local/ns/shop/sa/cart-v2");
  EXPECT_EQ(id->ShortName(), "shop/cart-v2");
  EXPECT_EQ(*ParseShortIdentity("cluster.local", "shop/cart-v2"), *id);
}

TEST(SpiffeId, RefusesWhatIsNotTheForm) {
  for (const char* bad :
       {"", "spiffe://", "http://td/ns/a/sa/b", "spiffe://td/ns/a/sa", "spiffe://td/ns/a/sa/b/",
        "spiffe://td/ns/a/sa/b/c", "spiffe:///ns/a/sa/b", "spiffe://td/ns//sa/b", "spiffe://td/ns/../sa/b",
        "spiffe://td/ns/a/sa/.", "spiffe://TD/ns/a/sa/b", "spiffe://td/ns/a/sa/b?q", "spiffe://td/ns/a/sa/b#f",
        "spiffe://td/ns/a%2fb/sa/b", "spiffe://td:80/ns/a/sa/b", "spiffe://u@td/ns/a/sa/b", "SPIFFE://td/ns/a/sa/b",
        "spiffe://td/sa/a/ns/b", "spiffe://td/ns/a b/sa/b"}) {
    EXPECT_FALSE(ParseSpiffeId(bad).ok()) << bad;
  }
  EXPECT_FALSE(ParseSpiffeId(std::string("spiffe://td/ns/a/sa/b\0c", 23)).ok());
  EXPECT_FALSE(ParseSpiffeId("spiffe://td/ns/a/sa/" + std::string(3000, 'x')).ok());
  EXPECT_FALSE(ParseShortIdentity("td", "shop").ok());
  EXPECT_FALSE(ParseShortIdentity("td", "a/b/c").ok());
  EXPECT_FALSE(ParseShortIdentity("Td", "a/b").ok());
}

}  // namespace
}  // namespace weft::pki
