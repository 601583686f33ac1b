#include "pki/private_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

namespace weft::pki {
namespace {

std::string NewDirectory() {
  std::string path = ::testing::TempDir() + "/private.XXXXXX";
  EXPECT_NE(::mkdtemp(path.data()), nullptr);
  return path;
}

TEST(PrivateFile, WriteIsPrivateAndReplaces) {
  const std::string path = NewDirectory() + "/secret";
  ASSERT_TRUE(WritePrivateFile(path, "one").ok());
  ASSERT_TRUE(WritePrivateFile(path, "two").ok());
  struct stat st;
  ASSERT_EQ(::stat(path.c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 07777, 0600u);
  EXPECT_EQ(*ReadPrivateFile(path), "two");
}

TEST(PrivateFile, LooseModeIsRefusedWithTheCure) {
  const std::string path = NewDirectory() + "/secret";
  ASSERT_TRUE(WritePrivateFile(path, "one").ok());
  for (const mode_t mode : {0640, 0604, 0620}) {
    ASSERT_EQ(::chmod(path.c_str(), mode), 0);
    auto text = ReadPrivateFile(path);
    ASSERT_TRUE(absl::IsPermissionDenied(text.status())) << text.status();
    EXPECT_NE(std::string(text.status().message()).find("chmod 600 " + path), std::string::npos);
  }
}

TEST(PrivateFile, MissingDirectoryAndOddFiles) {
  const std::string directory = NewDirectory();
  EXPECT_TRUE(absl::IsNotFound(ReadPrivateFile(directory + "/none").status()));
  EXPECT_FALSE(ReadPrivateFile(directory).ok());
  EXPECT_FALSE(WritePrivateFile(directory + "/no/such/file", "x").ok());
  ASSERT_EQ(::chmod(directory.c_str(), 0777), 0);
  EXPECT_TRUE(absl::IsPermissionDenied(MakePrivateDirectory(directory)));
  EXPECT_TRUE(MakePrivateDirectory(directory + "/inner").ok());
  EXPECT_TRUE(MakePrivateDirectory(directory + "/inner").ok());
}

}  // namespace
}  // namespace weft::pki
