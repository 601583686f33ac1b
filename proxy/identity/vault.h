// The files of --identity-dir, each 0600 and replaced in one step:
//   identity.pem     key, certificate chain and roots in one file, so that no crash can leave a key without its
//   certificate enrolling.key    the key of an enrollment that has no answer yet. A join token counts keys, not
//   requests: asking again with the
//                    same key after a restart or a lost answer takes no second use.
// Blocking file I/O of a few kilobytes; main thread. Every error names the file and, where there is one, the cure.
#ifndef WEFT_PROXY_IDENTITY_VAULT_H_
#define WEFT_PROXY_IDENTITY_VAULT_H_

#include <string>

#include "absl/status/statusor.h"
#include "proxy/identity/material.h"

namespace weft::identity {

class Vault {
 public:
  // Makes the directory when it is missing (not its parents); an error when this process cannot write to it.
  static absl::StatusOr<Vault> Open(std::string directory);

  // NotFound: none stored. DataLoss: there is one that cannot be used. PermissionDenied: others could read it.
  absl::StatusOr<Material> Load() const;
  absl::Status Store(const Material& material) const;

  // The stored enrollment key, or a new one that is stored first.
  absl::StatusOr<std::string> EnrollmentKey() const;
  void ForgetEnrollmentKey() const;

  const std::string& identity_path() const { return identity_path_; }

 private:
  explicit Vault(const std::string& directory);

  std::string identity_path_, enrollment_key_path_;
};

}  // namespace weft::identity

#endif  // WEFT_PROXY_IDENTITY_VAULT_H_
