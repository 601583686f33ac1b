#include "control/store/tokens.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/store/scratch_directory.h"
#include "control/store/store.h"

namespace weft::control::store {
namespace {

const absl::Time kNow = absl::UnixEpoch() + absl::Hours(24 * 365 * 50);

TokenRow Row(const std::string& id, int uses) {
  TokenRow row;
  row.id = id;
  row.secret_sha256 = std::string("\0secret\0", 8);
  row.ns = "shop";
  row.service_account = "web";
  row.author = "ann";
  row.created = kNow;
  row.expires = kNow + absl::Hours(1);
  row.uses_allowed = uses;
  return row;
}

class TokensTest : public ::testing::Test {
 protected:
  void SetUp() override { Reopen(); }
  void Reopen() {
    store_.reset();
    absl::StatusOr<std::unique_ptr<Store>> opened = Store::Open(directory_.path());
    ASSERT_TRUE(opened.ok()) << opened.status();
    store_ = *std::move(opened);
  }
  Tokens& tokens() { return store_->tokens(); }

  ScratchDirectory directory_;
  std::unique_ptr<Store> store_;
};

TEST_F(TokensTest, ARowComesBackAsItWentIn) {
  ASSERT_TRUE(tokens().Insert(Row("0a", 2)).ok());
  EXPECT_EQ(tokens().Insert(Row("0a", 2)).code(), absl::StatusCode::kAlreadyExists);
  Reopen();
  absl::StatusOr<TokenRow> row = tokens().Find("0a");
  ASSERT_TRUE(row.ok()) << row.status();
  EXPECT_EQ(row->secret_sha256, Row("0a", 2).secret_sha256);
  EXPECT_EQ(row->expires, kNow + absl::Hours(1));
  EXPECT_EQ(row->last_used, absl::InfinitePast());
  EXPECT_EQ(row->revoked, absl::InfiniteFuture());
  EXPECT_EQ(tokens().Find("0b").status().code(), absl::StatusCode::kNotFound);
}

TEST_F(TokensTest, UsesAreCountedOncePerKey) {
  ASSERT_TRUE(tokens().Insert(Row("0a", 2)).ok());
  EXPECT_TRUE(tokens().Take("0a", "key1", kNow).value());
  EXPECT_TRUE(tokens().Take("0a", "key1", kNow).value());
  EXPECT_TRUE(tokens().Take("0a", "key2", kNow).value());
  Reopen();
  EXPECT_FALSE(tokens().Take("0a", "key3", kNow).value());
  EXPECT_TRUE(tokens().Take("0a", "key2", kNow).value());
  EXPECT_EQ(tokens().Find("0a")->uses_taken, 2);
  EXPECT_EQ(tokens().Take("0b", "key", kNow).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(TokensTest, RevokingTwiceKeepsTheFirstTime) {
  ASSERT_TRUE(tokens().Insert(Row("0a", 1)).ok());
  EXPECT_TRUE(tokens().Revoke("0a", kNow).ok());
  EXPECT_TRUE(tokens().Revoke("0a", kNow + absl::Hours(1)).ok());
  EXPECT_EQ(tokens().Find("0a")->revoked, kNow);
  EXPECT_EQ(tokens().Revoke("0b", kNow).code(), absl::StatusCode::kNotFound);
}

TEST_F(TokensTest, ExpiredOnesAreForgottenWithTheirUses) {
  ASSERT_TRUE(tokens().Insert(Row("0a", 1)).ok());
  ASSERT_TRUE(tokens().Take("0a", "key1", kNow).value());
  EXPECT_EQ(tokens().EraseExpired(kNow).value(), 0);
  EXPECT_EQ(tokens().EraseExpired(kNow + absl::Hours(2)).value(), 1);
  EXPECT_THAT(tokens().List().value(), ::testing::SizeIs(0));
}

}  // namespace
}  // namespace weft::control::store
