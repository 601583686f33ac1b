#include "control/api/access.h"

#include <sys/random.h>

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "pki/join_token.h"
#include "pki/private_file.h"

namespace weft::control::api {
namespace {

constexpr size_t kTokenBytes = 32;
constexpr size_t kShortestToken = 32;  // an operator may put in one of their own

absl::StatusOr<std::string> NewToken() {
  char random[kTokenBytes];
  if (getrandom(random, sizeof random, 0) != static_cast<ssize_t>(sizeof random)) {
    return absl::InternalError("the kernel gave no random bytes");
  }
  return absl::WebSafeBase64Escape(absl::string_view(random, sizeof random));
}

// "ipv4:127.0.0.1:4711" and "ipv6:%5B::1%5D:4711": the address alone.
std::string AddressOf(std::string_view peer) {
  const size_t colon = peer.find(':');
  std::string address(colon == std::string_view::npos ? peer : peer.substr(colon + 1));
  address = address.substr(0, address.rfind(':'));
  if (absl::StartsWith(address, "%5B") && absl::EndsWith(address, "%5D")) {
    address = address.substr(3, address.size() - 6);
  }
  return address;
}

}  // namespace

absl::StatusOr<Access> Access::Open(const std::string& directory) {
  const std::string path = directory + "/admin.token";
  absl::StatusOr<std::string> text = pki::ReadPrivateFile(path);
  if (absl::IsNotFound(text.status())) {
    absl::StatusOr<std::string> made = NewToken();
    if (!made.ok()) return made.status();
    if (absl::Status written = pki::WritePrivateFile(path, *made + "\n"); !written.ok()) return written;
    text = *std::move(made);
  }
  if (!text.ok()) return text.status();
  std::string token(absl::StripAsciiWhitespace(*text));
  const bool good = token.size() >= kShortestToken && std::all_of(token.begin(), token.end(), absl::ascii_isgraph);
  if (!good) {
    return absl::FailedPreconditionError(absl::StrCat(path, ": holds no admin token (", kShortestToken,
                                                      " or more visible characters); delete it to get a new one"));
  }
  return Access(std::move(token));
}

absl::Status Access::Refuse(std::string_view peer, const char* why) const {
  if (refused_) refused_(AddressOf(peer), why);
  return absl::UnauthenticatedError(why);
}

absl::StatusOr<std::string> Access::Check(std::string_view peer, std::string_view authorization) const {
  if (peer.substr(0, 5) == "unix:") return std::string("unix socket");
  constexpr std::string_view kScheme = "bearer ";
  const bool bearer = absl::StartsWithIgnoreCase(absl::string_view(authorization.data(), authorization.size()),
                                                 absl::string_view(kScheme.data(), kScheme.size()));
  if (!bearer) {
    return Refuse(peer,
                  "the admin token is wanted: `authorization: Bearer TOKEN`, with what stands in admin.token of the "
                  "data directory");
  }
  std::string given(authorization.substr(kScheme.size()));
  absl::StripAsciiWhitespace(&given);
  if (!pki::EqualInConstantTime(pki::Sha256(given), pki::Sha256(token_))) {
    return Refuse(peer, "this is not the admin token of this control plane");
  }
  return absl::StrCat("admin token from ", AddressOf(peer));
}

}  // namespace weft::control::api
