// The seeds of bootstrap_fuzz do what their names say.
#include <cstddef>
#include <filesystem>

#include "gtest/gtest.h"
#include "proxy/config/bootstrap.h"

namespace weft::config {
namespace {

// The bootstraps that the integration tests start, one for each field that they use, and some wrong ones.
TEST(BootstrapSeedsTest, RightOnesAreAcceptedAndWrongOnesAreNot) {
  size_t right = 0, wrong = 0;
  for (const auto& file : std::filesystem::directory_iterator("tests/fuzz/corpus/bootstrap")) {
    const absl::Status status = LoadBootstrap(file.path().string()).status();
    const bool is_right = file.path().filename().string().starts_with("right_");
    EXPECT_EQ(status.ok(), is_right) << file.path() << ": " << status;
    ++(is_right ? right : wrong);
  }
  EXPECT_GE(right, 15u);
  EXPECT_GE(wrong, 5u);
}

}  // namespace
}  // namespace weft::config
