#include "proxy/discovery/rejection_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weft::discovery {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;

TEST(RejectionText, NamesTypeResourceAndReason) {
  EXPECT_EQ(RejectionText(ResourceType::kRoute, {{"web", "virtual_hosts[0].domains: empty"}}),
            "route \"web\": virtual_hosts[0].domains: empty");
}

TEST(RejectionText, ManyAreCounted) {
  std::vector<Rejection> rejections(1000, {"web", std::string(90, 'x')});
  const std::string text = RejectionText(ResourceType::kCluster, rejections);
  EXPECT_LT(text.size(), kMaxRejectionBytes + 64);
  EXPECT_THAT(text, EndsWith(" more"));
}

TEST(RejectionText, OneLongReasonIsCutBetweenCharacters) {
  std::string reason = "x";
  for (int i = 0; i < 3000; ++i) reason += "ü";
  const std::string text = RejectionText(ResourceType::kCluster, {{"web", reason}});
  EXPECT_LT(text.size(), 1200u);
  EXPECT_THAT(text, EndsWith("ü…"));
}

TEST(RejectionText, EvenWithoutWordsItIsNotEmpty) {
  EXPECT_EQ(RejectionText(ResourceType::kSecret, {{"", ""}}), "secret \"\": ");
}

}  // namespace
}  // namespace weft::discovery
