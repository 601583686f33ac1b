// For tests: a directory of its own for each test, gone with it.
#ifndef WEFT_PROXY_IDENTITY_TEST_DIRECTORY_H_
#define WEFT_PROXY_IDENTITY_TEST_DIRECTORY_H_

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace weft::identity {

class TestDirectory {
 public:
  TestDirectory() : path_(::testing::TempDir() + "/identityXXXXXX") { EXPECT_NE(::mkdtemp(path_.data()), nullptr); }
  ~TestDirectory() { std::filesystem::remove_all(path_); }
  TestDirectory(const TestDirectory&) = delete;
  TestDirectory& operator=(const TestDirectory&) = delete;

  const std::string& path() const { return path_; }
  std::string File(const std::string& name) const { return path_ + "/" + name; }
  bool Has(const std::string& name) const { return std::filesystem::exists(File(name)); }
  std::string Read(const std::string& name) const {
    std::ostringstream text;
    text << std::ifstream(File(name)).rdbuf();
    return text.str();
  }
  void Write(const std::string& name, const std::string& text, mode_t mode = 0600) const {
    std::ofstream(File(name)) << text;
    EXPECT_EQ(::chmod(File(name).c_str(), mode), 0);
  }
  mode_t ModeOf(const std::string& name) const {
    struct stat facts{};
    EXPECT_EQ(::stat(File(name).c_str(), &facts), 0);
    return facts.st_mode & 0777;
  }

 private:
  std::string path_;
};

}  // namespace weft::identity

#endif  // WEFT_PROXY_IDENTITY_TEST_DIRECTORY_H_
