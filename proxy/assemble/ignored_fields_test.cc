#include "proxy/assemble/ignored_fields.h"

#include "proxy/assemble/assembler_fixture.h"

namespace weft::assemble {
namespace {

TEST(IgnoredFieldsTest, EachFieldOfEachResourceIsToldOnceAndCountedAlways) {
  Strings lines;
  IgnoredFields ignored([&](const std::string& line) { lines.push_back(line); });
  for (int i = 0; i < 3; ++i) {
    ignored.Take(ResourceType::kCluster, "a", {{"filters", "accepted and ignored"}, {"", "odd"}});
  }
  ignored.Take(ResourceType::kCluster, "b", {{"filters", "accepted and ignored"}});
  ignored.Take(ResourceType::kListener, "a", {{"filters", "accepted and ignored"}});
  EXPECT_EQ(lines, (Strings{"cluster a: filters: accepted and ignored", "cluster a: odd",
                            "cluster b: filters: accepted and ignored", "listener a: filters: accepted and ignored"}));
  EXPECT_EQ(ignored.count(ResourceType::kCluster), 7u);
  EXPECT_EQ(ignored.count(ResourceType::kListener), 1u);
}

TEST(IgnoredFieldsTest, MemoryIsBoundedAndTheCountGoesOn) {
  size_t lines = 0;
  std::string last;
  IgnoredFields ignored([&](const std::string& line) {
    ++lines;
    last = line;
  });
  for (size_t i = 0; i < 2 * IgnoredFields::kMostRemembered; ++i) {
    ignored.Take(ResourceType::kRoute, std::to_string(i), {{"x", "accepted and ignored"}});
  }
  EXPECT_EQ(lines, IgnoredFields::kMostRemembered + 1);
  EXPECT_NE(last.find("only counted"), std::string::npos) << last;
  EXPECT_EQ(ignored.count(ResourceType::kRoute), 2 * IgnoredFields::kMostRemembered);
}

// Those of the bootstrap were logged, those of the control plane dropped.
TEST_F(AssemblerTest, IgnoredFieldsOfTheControlPlaneAreCountedPerType) {
  StartWithAds();
  Accept(ResourceType::kCluster, {StaticCluster("a", ", outlier_detection: {consecutive_5xx: 3}")});
  EXPECT_EQ(assembler_->facts(ResourceType::kCluster).ignored_fields, 1u);
  // The same bytes again are not looked at again.
  Accept(ResourceType::kCluster, {StaticCluster("a", ", outlier_detection: {consecutive_5xx: 3}")});
  EXPECT_EQ(assembler_->facts(ResourceType::kCluster).ignored_fields, 1u);
  Accept(ResourceType::kCluster, {StaticCluster("a")});
  EXPECT_EQ(assembler_->facts(ResourceType::kCluster).ignored_fields, 1u);
  EXPECT_EQ(assembler_->facts(ResourceType::kListener).ignored_fields, 0u);
}

}  // namespace
}  // namespace weft::assemble
