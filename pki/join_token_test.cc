#include "pki/join_token.h"

#include <gtest/gtest.h>

#include <string>

namespace weft::pki {
namespace {

TEST(JoinToken, RoundTrip) {
  const JoinToken token = NewJoinToken(Sha256("root"));
  const std::string text = token.ToString();
  EXPECT_EQ(text.size(), 5u + 1 + 8 + 1 + 43 + 1 + 43) << text;
  auto again = ParseJoinToken("  " + text + "\n");
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->id, token.id);
  EXPECT_EQ(again->secret, token.secret);
  EXPECT_EQ(again->root_sha256, Sha256("root"));
  EXPECT_NE(NewJoinToken("").secret, token.secret);
}

TEST(JoinToken, BadTextIsRefusedAndTheSecretNeverQuoted) {
  const std::string text = NewJoinToken(Sha256("root")).ToString();
  const std::string secret = text.substr(15, 43);
  for (const std::string& bad : {std::string(), std::string("weft1"), "weft2" + text.substr(5), text + ".x",
                                 text.substr(0, text.size() - 4), text.substr(0, 6) + "XYZ" + text.substr(9),
                                 text.substr(0, 20) + text.substr(24), text.substr(0, 20) + "!" + text.substr(21)}) {
    auto token = ParseJoinToken(bad);
    ASSERT_FALSE(token.ok()) << bad;
    EXPECT_EQ(std::string(token.status().message()).find(secret.substr(0, 5)), std::string::npos) << token.status();
  }
}

TEST(JoinToken, ConstantTimeEqual) {
  EXPECT_TRUE(EqualInConstantTime("", ""));
  EXPECT_TRUE(EqualInConstantTime("abc", "abc"));
  EXPECT_FALSE(EqualInConstantTime("abc", "abd"));
  EXPECT_FALSE(EqualInConstantTime("abc", "ab"));
}

}  // namespace
}  // namespace weft::pki
