#include "control/ca/tokens.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "pki/absl_view.h"
#include "pki/join_token.h"

namespace weft::control::ca {
namespace {

constexpr absl::Duration kMaxTtl = absl::Hours(24 * 30);
constexpr int kMaxUses = 10000;
constexpr int kInsertTries = 16;
// What the TLS port's own certificate says (control_plane.cc).
constexpr char kControlNamespace[] = "weft-system";
constexpr char kControlAccount[] = "weft-control";

absl::Status Refuse(const std::string& id, const std::string& why) {
  return absl::UnauthenticatedError(absl::StrCat("join token ", id, ": ", why));
}

}  // namespace

std::string FormatAge(absl::Duration age) {
  struct Unit {
    absl::Duration size;
    const char* name;
  };
  static const Unit kUnits[] = {
      {absl::Hours(24), "d"}, {absl::Hours(1), "h"}, {absl::Minutes(1), "m"}, {absl::Seconds(1), "s"}};
  if (age < absl::Seconds(1)) return "0s";
  for (size_t i = 0; i < 4; ++i) {
    const int64_t count = absl::IDivDuration(age, kUnits[i].size, &age);
    if (count == 0) continue;
    if (i == 3) return absl::StrCat(count, "s");
    const int64_t next = absl::IDivDuration(age, kUnits[i + 1].size, &age);
    return next == 0 ? absl::StrCat(count, kUnits[i].name)
                     : absl::StrCat(count, kUnits[i].name, next, kUnits[i + 1].name);
  }
  return "0s";
}

JoinTokens::JoinTokens(TokenStore& store, std::string trust_domain, std::string root_sha256)
    : store_(store), trust_domain_(std::move(trust_domain)), root_sha256_(std::move(root_sha256)) {}

absl::StatusOr<JoinTokens::Created> JoinTokens::Create(std::string_view identity, absl::Duration ttl, int uses,
                                                       std::string_view author, absl::Time now) {
  auto id = pki::ParseShortIdentity(trust_domain_, identity);
  if (!id.ok()) return id.status();
  if (id->ns == kControlNamespace && id->service_account == kControlAccount) {
    return absl::InvalidArgumentError(
        "weft-system/weft-control is the control plane's own identity; no token gives it away");
  }
  if (ttl <= absl::ZeroDuration() || ttl > kMaxTtl) {
    return absl::InvalidArgumentError("a join token lives between 1 second and 30 days");
  }
  if (uses < 1 || uses > kMaxUses) {
    return absl::InvalidArgumentError("a join token has between 1 and 10000 uses");
  }
  TokenRecord record;
  record.ns = id->ns;
  record.service_account = id->service_account;
  record.author = std::string(author);
  record.created = now;
  record.expires = now + ttl;
  record.uses_allowed = uses;
  for (int i = 0; i < kInsertTries; ++i) {  // ids have 32 bits: two may meet
    const pki::JoinToken token = pki::NewJoinToken(root_sha256_);
    record.id = token.id;
    record.secret_sha256 = pki::Sha256(token.secret);
    const absl::Status status = store_.Insert(record);
    if (status.ok()) return Created{token.ToString(), record};
    if (!absl::IsAlreadyExists(status)) return status;
  }
  return absl::ResourceExhaustedError("no free join token id found");
}

absl::StatusOr<TokenRecord> JoinTokens::FindValid(std::string_view token_text, absl::Time now) const {
  auto token = pki::ParseJoinToken(token_text);
  if (!token.ok()) return absl::UnauthenticatedError(token.status().message());
  auto record = store_.Find(token->id);
  if (!record.ok() && !absl::IsNotFound(record.status())) return record.status();
  // Both ways take one hash and one comparison.
  const std::string expected = record.ok() ? record->secret_sha256 : std::string(32, '\0');
  const bool same = pki::EqualInConstantTime(pki::Sha256(token->secret), expected);
  if (!record.ok()) return Refuse(token->id, "unknown");
  if (!same) return Refuse(token->id, "secret does not match");
  if (record->revoked <= now) {
    return Refuse(token->id, absl::StrCat("revoked ", FormatAge(now - record->revoked), " ago"));
  }
  if (record->expires <= now) {
    return Refuse(token->id, absl::StrCat("expired ", FormatAge(now - record->expires), " ago"));
  }
  return record;
}

absl::StatusOr<pki::SpiffeId> JoinTokens::Check(std::string_view token_text, absl::Time now) const {
  auto record = FindValid(token_text, now);
  if (!record.ok()) return record.status();
  return pki::SpiffeId{trust_domain_, record->ns, record->service_account};
}

absl::StatusOr<pki::SpiffeId> JoinTokens::Redeem(std::string_view token_text, std::string_view key_sha256,
                                                 absl::Time now) {
  auto record = FindValid(token_text, now);
  if (!record.ok()) return record.status();
  auto taken = store_.Take(record->id, key_sha256, now);
  if (absl::IsNotFound(taken.status())) return Refuse(record->id, "unknown");
  if (!taken.ok()) return taken.status();
  if (!*taken) {
    auto fresh = store_.Find(record->id);  // who took the last use, and when
    const TokenRecord& used = fresh.ok() ? *fresh : *record;
    return Refuse(record->id, absl::StrCat("used up (", used.uses_taken, " of ", used.uses_allowed, " uses) ",
                                           FormatAge(now - used.last_used), " ago"));
  }
  return pki::SpiffeId{trust_domain_, record->ns, record->service_account};
}

}  // namespace weft::control::ca
