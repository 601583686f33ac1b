// Who may use the control API. Over the unix socket: whoever may open it (mode 0600). Over TCP: whoever has the admin
// token. Immutable after Open; any thread.
#ifndef WEFT_CONTROL_API_ACCESS_H_
#define WEFT_CONTROL_API_ACCESS_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace weft::control::api {

class Access {
 public:
  // Reads DIRECTORY/admin.token (0600), which the first start makes. PermissionDenied when others can read it,
  // FailedPrecondition when it holds no token.
  static absl::StatusOr<Access> Open(const std::string& directory);

  // `peer` as gRPC names it ("unix:…", "ipv4:127.0.0.1:4711"), `authorization` the header's value or empty. How the
  // caller came in, for the log; Unauthenticated otherwise. The token is compared in constant time.
  absl::StatusOr<std::string> Check(std::string_view peer, std::string_view authorization) const;

 private:
  explicit Access(std::string token, std::string path) : token_(std::move(token)), path_(std::move(path)) {}

  std::string token_;
  std::string path_;
};

}  // namespace weft::control::api

#endif  // WEFT_CONTROL_API_ACCESS_H_
