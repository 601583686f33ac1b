// A directory of its own for one test, removed at its end. For tests only.
#ifndef WEFT_CONTROL_STORE_SCRATCH_DIRECTORY_H_
#define WEFT_CONTROL_STORE_SCRATCH_DIRECTORY_H_

#include <stdlib.h>

#include <filesystem>
#include <string>
#include <system_error>

namespace weft::control::store {

class ScratchDirectory {
 public:
  ScratchDirectory() {
    const char* base = getenv("TEST_TMPDIR");
    std::string pattern = std::string(base == nullptr ? "/tmp" : base) + "/store-XXXXXX";
    path_ = mkdtemp(pattern.data());
  }
  ~ScratchDirectory() {
    std::error_code error;
    std::filesystem::remove_all(path_, error);
  }
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace weft::control::store

#endif  // WEFT_CONTROL_STORE_SCRATCH_DIRECTORY_H_
