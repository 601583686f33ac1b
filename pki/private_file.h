// Files that hold secrets: mode 0600, replaced in one step, on disk when the call returns. Blocking; main
// thread or a background thread, never a worker.
#ifndef WEFT_PKI_PRIVATE_FILE_H_
#define WEFT_PKI_PRIVATE_FILE_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace weft::pki {

// Writes PATH.tmp.PID, fsyncs it, renames it over PATH and fsyncs the directory. After a crash PATH holds
// the old or the new text, never a part.
absl::Status WritePrivateFile(const std::string& path, std::string_view text);

// NotFound when there is none. PermissionDenied, with the chmod that would help, when anybody but the owner
// can read or write it, or when it belongs to another user; not a regular file or over 1 MiB:
// FailedPrecondition.
absl::StatusOr<std::string> ReadPrivateFile(const std::string& path);

// A file of at most 1 MiB that need not be private (a mounted token); the same errors otherwise.
absl::StatusOr<std::string> ReadSmallFile(const std::string& path);

// Makes `path` (not its parents) with mode 0700, or checks that it is a directory that only its owner can
// write to.
absl::Status MakePrivateDirectory(const std::string& path);

absl::Status SyncDirectory(const std::string& path);

}  // namespace weft::pki

#endif  // WEFT_PKI_PRIVATE_FILE_H_
