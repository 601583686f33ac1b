#include "pki/join_token.h"

#include <openssl/mem.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "pki/absl_view.h"

namespace weft::pki {
namespace {

constexpr char kPrefix[] = "weft1";
constexpr size_t kIdBytes = 4;
constexpr size_t kSecretBytes = 32;
constexpr size_t kHashBytes = 32;

std::string RandomBytes(size_t size) {
  std::string bytes(size, '\0');
  RAND_bytes(reinterpret_cast<uint8_t*>(bytes.data()), size);  // aborts rather than fails
  return bytes;
}

bool IsId(std::string_view id) {
  return id.size() == 2 * kIdBytes &&
         std::all_of(id.begin(), id.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

}  // namespace

std::string JoinToken::ToString() const {
  return absl::StrCat(kPrefix, ".", id, ".", absl::WebSafeBase64Escape(secret), ".",
                      absl::WebSafeBase64Escape(root_sha256));
}

absl::StatusOr<JoinToken> ParseJoinToken(std::string_view text) {
  const std::vector<std::string> parts = absl::StrSplit(absl::StripAsciiWhitespace(AbslView(text)), '.');
  if (parts.size() != 4 || parts[0] != kPrefix) {
    return absl::InvalidArgumentError("a join token has the form weft1.ID.SECRET.ROOT");
  }
  JoinToken token;
  token.id = parts[1];
  if (!IsId(token.id)) return absl::InvalidArgumentError("the join token's id is not 8 hex digits");
  if (!absl::WebSafeBase64Unescape(parts[2], &token.secret) || token.secret.size() != kSecretBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("join token ", token.id, ": its secret is not 32 bytes in base64url"));
  }
  if (!absl::WebSafeBase64Unescape(parts[3], &token.root_sha256) || token.root_sha256.size() != kHashBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("join token ", token.id, ": its root hash is not 32 bytes in base64url"));
  }
  return token;
}

JoinToken NewJoinToken(std::string root_sha256) {
  return JoinToken{absl::BytesToHexString(RandomBytes(kIdBytes)), RandomBytes(kSecretBytes), std::move(root_sha256)};
}

std::string Sha256(std::string_view bytes) {
  uint8_t digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size(), digest);
  return std::string(reinterpret_cast<const char*>(digest), sizeof digest);
}

bool EqualInConstantTime(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace weft::pki
