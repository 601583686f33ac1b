#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "schema/document.h"

namespace weft::schema {
namespace {

absl::Status Failed(int error, const std::string& path) {
  const std::string what = absl::StrCat(path, ": ", std::strerror(error));
  if (error == ENOENT || error == ENOTDIR) return absl::NotFoundError(what);
  if (error == EACCES || error == EPERM) return absl::PermissionDeniedError(what);
  return absl::InvalidArgumentError(what);
}

absl::StatusOr<std::string> ReadAll(int descriptor, const std::string& path, size_t most) {
  std::string out;
  while (true) {
    char buffer[16384];
    const ssize_t got = read(descriptor, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Failed(errno, path);
    if (got == 0) return out;
    out.append(buffer, static_cast<size_t>(got));
    if (out.size() > most) {
      return absl::InvalidArgumentError(absl::StrCat(path, ": has more than ", most, " bytes"));
    }
  }
}

}  // namespace

absl::StatusOr<std::string> ReadFile(const std::string& path, const Limits& limits) {
  if (path == "-") return ReadAll(STDIN_FILENO, "standard input", limits.max_bytes);
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return Failed(errno, path);
  struct stat about{};
  absl::StatusOr<std::string> out = std::string();
  if (fstat(descriptor, &about) == 0 && S_ISDIR(about.st_mode)) {
    out = absl::InvalidArgumentError(absl::StrCat(path, ": is a directory, not a file"));
  } else {
    out = ReadAll(descriptor, path, limits.max_bytes);
  }
  close(descriptor);
  return out;
}

}  // namespace weft::schema
