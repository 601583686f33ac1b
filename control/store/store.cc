#include "control/store/store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "control/store/database.h"
#include "control/store/tables.h"
#include "control/store/tokens.h"

namespace weft::control::store {
namespace {

// Of another process that looks into the file (sqlite3, a backup).
constexpr absl::Duration kBusyTimeout = absl::Seconds(5);
// An endless one would not fit into what std counts in.
constexpr absl::Duration kLongestWait = absl::Hours(24 * 365);

absl::Status MakeDirectory(const std::string& directory) {
  std::error_code error;
  const std::filesystem::path path(directory);
  if (std::filesystem::is_directory(path, error)) return absl::OkStatus();
  if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path(), error);
  if (mkdir(directory.c_str(), 0700) == 0 || errno == EEXIST) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(directory, ": the data directory cannot be made: ", std::strerror(errno)));
}

// The kernel gives the lock back when the process ends, however it ends.
absl::StatusOr<int> LockDirectory(const std::string& directory) {
  const std::string path = directory + "/store.lock";
  const int file = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0) {
    return absl::FailedPreconditionError(absl::StrCat(path, ": cannot be opened: ", std::strerror(errno)));
  }
  if (flock(file, LOCK_EX | LOCK_NB) == 0) return file;
  const int error = errno;
  close(file);
  if (error == EWOULDBLOCK) {
    return absl::UnavailableError(
        absl::StrCat(path, ": another weft-control uses this data directory; stop it, or choose another --data"));
  }
  return absl::FailedPreconditionError(absl::StrCat(path, ": cannot be locked: ", std::strerror(error)));
}

int64_t SizeOf(const std::string& path) {
  struct stat facts;
  return stat(path.c_str(), &facts) == 0 ? facts.st_size : 0;
}

}  // namespace

Store::Store(std::string directory, int lock_file) : directory_(std::move(directory)), lock_file_(lock_file) {}

Store::~Store() {
  Stop();
  tokens_.reset();
  reader_.reset();
  writer_.reset();  // the last connection: moves the write-ahead log into the file
  close(lock_file_);
}

absl::StatusOr<std::unique_ptr<Store>> Store::Open(const std::string& directory) {
  if (absl::Status made = MakeDirectory(directory); !made.ok()) return made;
  absl::StatusOr<int> lock_file = LockDirectory(directory);
  if (!lock_file.ok()) return lock_file.status();
  std::unique_ptr<Store> store(new Store(directory, *lock_file));
  if (absl::Status opened = store->OpenConnections(); !opened.ok()) return opened;
  return store;
}

absl::Status Store::OpenConnections() {
  std::scoped_lock write_lock(write_mutex_);
  std::scoped_lock read_lock(read_mutex_);
  const std::string path = directory_ + "/store.db";
  absl::StatusOr<std::unique_ptr<Database>> writer = Database::Open(path, /*create=*/true, kBusyTimeout);
  if (!writer.ok()) return writer.status();
  if (absl::Status prepared = PrepareTables(**writer); !prepared.ok()) return prepared;
  if (absl::StatusOr<std::string> prefix = PrefixOf(**writer); !prefix.ok()) return prefix.status();
  absl::StatusOr<std::unique_ptr<Database>> reader = Database::Open(path, /*create=*/false, kBusyTimeout);
  if (!reader.ok()) return reader.status();
  absl::StatusOr<int64_t> newest = (*writer)->ReadNumber("SELECT max(number) FROM revisions");
  if (!newest.ok()) return newest.status();
  writer_ = *std::move(writer);
  reader_ = *std::move(reader);
  tokens_ = std::make_unique<Tokens>(write_mutex_, *writer_);
  std::scoped_lock wait_lock(wait_mutex_);
  newest_ = *newest;
  return absl::OkStatus();
}

int64_t Store::WaitForRevisionAfter(int64_t after, absl::Duration at_most) {
  std::unique_lock lock(wait_mutex_);
  newer_.wait_for(lock, absl::ToChronoNanoseconds(std::min(at_most, kLongestWait)),
                  [&] { return stopped_ || newest_ > after; });
  return newest_;
}

void Store::Stop() {
  std::scoped_lock lock(wait_mutex_);
  stopped_ = true;
  newer_.notify_all();
}

Sizes Store::FileSizes() const { return {SizeOf(directory_ + "/store.db"), SizeOf(directory_ + "/store.db-wal")}; }

}  // namespace weft::control::store
