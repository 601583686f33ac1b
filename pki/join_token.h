// The text of a join token: weft1.ID.SECRET.ROOT, where ID is 8 hex digits (named in logs and errors),
// SECRET is 32 random bytes and ROOT is the SHA-256 of the root certificate's SubjectPublicKeyInfo, both
// in base64url without padding. ROOT lets a proxy that knows nothing else recognise the real control
// plane in its first connection. Made by control/ca, read by proxy/identity. Any thread.
#ifndef WEFT_PKI_JOIN_TOKEN_H_
#define WEFT_PKI_JOIN_TOKEN_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace weft::pki {

struct JoinToken {
  std::string id;           // 8 lower case hex digits
  std::string secret;       // 32 raw bytes; never logged
  std::string root_sha256;  // 32 raw bytes

  std::string ToString() const;
};

// White space at both ends is dropped (tokens are kept in files). The error never quotes the secret.
absl::StatusOr<JoinToken> ParseJoinToken(std::string_view text);

// A token with a fresh id and secret from the system's random source.
JoinToken NewJoinToken(std::string root_sha256);

std::string Sha256(std::string_view bytes);  // 32 raw bytes

// In a time that depends on the lengths only.
bool EqualInConstantTime(std::string_view a, std::string_view b);

}  // namespace weft::pki

#endif  // WEFT_PKI_JOIN_TOKEN_H_
