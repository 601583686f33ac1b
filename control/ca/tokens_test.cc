#include "control/ca/tokens.h"

#include <gtest/gtest.h>

#include <string>

#include "control/ca/memory_token_store.h"
#include "pki/join_token.h"

namespace weft::control::ca {
namespace {

const absl::Time kStart = absl::FromUnixSeconds(1'800'000'000);

class TokensTest : public ::testing::Test {
 protected:
  std::string New(absl::Duration ttl, int uses) {
    auto created = tokens_.Create("shop/cart", ttl, uses, "anna", kStart);
    EXPECT_TRUE(created.ok()) << created.status();
    return created->text;
  }
  std::string Redeem(const std::string& text, const std::string& key, absl::Duration after) {
    auto id = tokens_.Redeem(text, pki::Sha256(key), kStart + after);
    return id.ok() ? id->ToString() : std::string(id.status().message());
  }

  MemoryTokenStore store_;
  JoinTokens tokens_{store_, "cluster.local", pki::Sha256("root")};
};

constexpr char kCart[] = "spiffe://cluster.local/ns/shop/sa/cart";

TEST_F(TokensTest, CarriesTheRootHashAndKeepsNoSecret) {
  const std::string text = New(absl::Hours(1), 1);
  auto token = pki::ParseJoinToken(text);
  ASSERT_TRUE(token.ok());
  EXPECT_EQ(token->root_sha256, pki::Sha256("root"));
  const TokenRecord record = *store_.Find(token->id);
  EXPECT_NE(record.secret_sha256, token->secret);
  EXPECT_EQ(record.secret_sha256, pki::Sha256(token->secret));
  EXPECT_EQ(record.author, "anna");
}

TEST_F(TokensTest, NoneGivesAwayTheIdentityOfTheControlPlane) {
  EXPECT_TRUE(
      absl::IsInvalidArgument(tokens_.Create("weft-system/weft-control", absl::Hours(1), 1, "anna", kStart).status()));
  EXPECT_TRUE(tokens_.Create("weft-system/other", absl::Hours(1), 1, "anna", kStart).ok());
}

TEST_F(TokensTest, TableOfRefusals) {
  const std::string once = New(absl::Hours(1), 1);
  const std::string id = once.substr(6, 8);
  EXPECT_EQ(Redeem(once, "k1", absl::Seconds(10)), kCart);
  EXPECT_EQ(Redeem(once, "k2", absl::Seconds(202)), "join token " + id + ": used up (1 of 1 uses) 3m12s ago");
  EXPECT_EQ(Redeem(once, "k1", absl::Seconds(300)), kCart) << "the same key asks again: no new use";
  EXPECT_EQ(Redeem(once, "k1", absl::Hours(3)), "join token " + id + ": expired 2h ago");

  std::string forged = once;
  forged[20] = forged[20] == 'A' ? 'B' : 'A';
  EXPECT_EQ(Redeem(forged, "k1", absl::Seconds(1)), "join token " + id + ": secret does not match");
  std::string unknown = once;
  unknown.replace(6, 8, "00000000");
  EXPECT_EQ(Redeem(unknown, "k1", absl::Seconds(1)), "join token 00000000: unknown");

  const std::string thrice = New(absl::Hours(1), 3);
  for (const char* key : {"a", "b", "c"}) EXPECT_EQ(Redeem(thrice, key, absl::Seconds(5)), kCart);
  EXPECT_EQ(Redeem(thrice, "d", absl::Seconds(6)),
            "join token " + thrice.substr(6, 8) + ": used up (3 of 3 uses) 1s ago");

  const std::string revoked = New(absl::Hours(1), 3);
  ASSERT_TRUE(store_.Revoke(revoked.substr(6, 8), kStart).ok());
  EXPECT_EQ(Redeem(revoked, "a", absl::Seconds(10)), "join token " + revoked.substr(6, 8) + ": revoked 10s ago");
  EXPECT_FALSE(tokens_.Check("nonsense", kStart).ok());
}

TEST_F(TokensTest, CheckCountsNothing) {
  const std::string once = New(absl::Hours(1), 1);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(tokens_.Check(once, kStart)->ToString(), kCart);
  EXPECT_EQ(store_.Find(once.substr(6, 8))->uses_taken, 0);
}

TEST_F(TokensTest, BoundsOfCreate) {
  EXPECT_FALSE(tokens_.Create("shop", absl::Hours(1), 1, "a", kStart).ok());
  EXPECT_FALSE(tokens_.Create("shop/cart", absl::ZeroDuration(), 1, "a", kStart).ok());
  EXPECT_FALSE(tokens_.Create("shop/cart", absl::Hours(24 * 31), 1, "a", kStart).ok());
  EXPECT_FALSE(tokens_.Create("shop/cart", absl::Hours(1), 0, "a", kStart).ok());
  EXPECT_FALSE(tokens_.Create("shop/cart", absl::Hours(1), 10001, "a", kStart).ok());
}

TEST(FormatAge, TwoUnitsAtMost) {
  EXPECT_EQ(FormatAge(absl::Milliseconds(20)), "0s");
  EXPECT_EQ(FormatAge(absl::Seconds(59)), "59s");
  EXPECT_EQ(FormatAge(absl::Seconds(192)), "3m12s");
  EXPECT_EQ(FormatAge(absl::Hours(2)), "2h");
  EXPECT_EQ(FormatAge(absl::Hours(2) + absl::Minutes(4) + absl::Seconds(5)), "2h4m");
  EXPECT_EQ(FormatAge(absl::Hours(123)), "5d3h");
  EXPECT_EQ(FormatAge(absl::Hours(48) + absl::Seconds(5)), "2d");
}

}  // namespace
}  // namespace weft::control::ca
