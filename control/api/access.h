// Who may use the control API. Over the unix socket: whoever may open it (mode 0600). Over TCP: whoever has the admin
// token. Immutable once it is in use; any thread.
#ifndef WEFT_CONTROL_API_ACCESS_H_
#define WEFT_CONTROL_API_ACCESS_H_

#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace weft::control::api {

class Access {
 public:
  // Reads DIRECTORY/admin.token (0600), which the first start makes. PermissionDenied when others can read it,
  // FailedPrecondition when it holds no token.
  static absl::StatusOr<Access> Open(const std::string& directory);

  // Told of every refusal, on the thread that refuses: the caller's address without its port, and why.
  using Refused = std::function<void(const std::string& host, const std::string& why)>;
  void OnRefusal(Refused refused) { refused_ = std::move(refused); }

  // `peer` as gRPC names it ("unix:…", "ipv4:127.0.0.1:4711"), `authorization` the header's value or empty. How the
  // caller came in, for the log; Unauthenticated otherwise. The token is compared in constant time.
  absl::StatusOr<std::string> Check(std::string_view peer, std::string_view authorization) const;

 private:
  explicit Access(std::string token) : token_(std::move(token)) {}

  absl::Status Refuse(std::string_view peer, const char* why) const;

  std::string token_;
  Refused refused_;
};

}  // namespace weft::control::api

#endif  // WEFT_CONTROL_API_ACCESS_H_
