#include "pki/private_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace weft::pki {
namespace {

constexpr off_t kMaxBytes = 1 << 20;

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }
  bool ok() const { return fd_ >= 0; }

 private:
  int fd_;
};

absl::Status Errno(const char* what, const std::string& path) {
  return absl::ErrnoToStatus(errno, absl::StrCat(path, ": ", what));
}

absl::Status WriteAll(int fd, std::string_view text, const std::string& path) {
  while (!text.empty()) {
    const ssize_t n = ::write(fd, text.data(), text.size());
    if (n < 0) {
      if (errno == EINTR) continue;
      return Errno("write", path);
    }
    text.remove_prefix(static_cast<size_t>(n));
  }
  return absl::OkStatus();
}

absl::Status CheckOwner(const struct stat& st, const std::string& path) {
  if (st.st_uid == ::geteuid()) return absl::OkStatus();
  return absl::PermissionDeniedError(
      absl::StrCat(path, ": belongs to user ", st.st_uid, ", this process runs as ", ::geteuid()));
}

std::string DirectoryOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

absl::Status SyncDirectory(const std::string& path) {
  Descriptor directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory.ok()) return Errno("open", path);
  if (::fsync(directory.get()) != 0) return Errno("fsync", path);
  return absl::OkStatus();
}

absl::Status WritePrivateFile(const std::string& path, std::string_view text) {
  const std::string temporary = absl::StrCat(path, ".tmp.", ::getpid());
  ::unlink(temporary.c_str());  // what an earlier process of our number left
  absl::Status status;
  {
    Descriptor file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!file.ok()) return Errno("create", temporary);
    status = WriteAll(file.get(), text, temporary);
    if (status.ok() && ::fsync(file.get()) != 0) status = Errno("fsync", temporary);
  }
  if (status.ok() && ::rename(temporary.c_str(), path.c_str()) != 0) status = Errno("rename", path);
  if (!status.ok()) {
    ::unlink(temporary.c_str());
    return status;
  }
  return SyncDirectory(DirectoryOf(path));
}

namespace {

absl::StatusOr<std::string> Read(const std::string& path, bool is_private) {
  Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file.ok()) return Errno("open", path);
  struct stat st;
  if (::fstat(file.get(), &st) != 0) return Errno("stat", path);
  if (!S_ISREG(st.st_mode) || st.st_size > kMaxBytes) {
    return absl::FailedPreconditionError(absl::StrCat(path, ": not a regular file of at most 1 MiB"));
  }
  if (absl::Status status = CheckOwner(st, path); is_private && !status.ok()) return status;
  if (is_private && (st.st_mode & 077) != 0) {
    return absl::PermissionDeniedError(absl::StrFormat("%s: mode %04o lets others read or write it; run: chmod 600 %s",
                                                       path, st.st_mode & 07777, path));
  }
  std::string text(static_cast<size_t>(st.st_size), '\0');
  size_t have = 0;
  while (have < text.size()) {
    const ssize_t n = ::read(file.get(), text.data() + have, text.size() - have);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Errno("read", path);
    if (n == 0) break;
    have += static_cast<size_t>(n);
  }
  text.resize(have);
  return text;
}

}  // namespace

absl::StatusOr<std::string> ReadPrivateFile(const std::string& path) { return Read(path, /*is_private=*/true); }

absl::StatusOr<std::string> ReadSmallFile(const std::string& path) { return Read(path, /*is_private=*/false); }

absl::Status MakePrivateDirectory(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) == 0) return SyncDirectory(DirectoryOf(path));
  if (errno != EEXIST) return Errno("mkdir", path);
  struct stat st;
  if (::stat(path.c_str(), &st) != 0) return Errno("stat", path);
  if (!S_ISDIR(st.st_mode)) {
    return absl::FailedPreconditionError(absl::StrCat(path, ": not a directory"));
  }
  if (absl::Status status = CheckOwner(st, path); !status.ok()) return status;
  if ((st.st_mode & 022) != 0) {
    return absl::PermissionDeniedError(
        absl::StrFormat("%s: mode %04o lets others write to it; run: chmod 700 %s", path, st.st_mode & 07777, path));
  }
  return absl::OkStatus();
}

}  // namespace weft::pki
