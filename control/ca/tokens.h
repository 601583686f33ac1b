// Join tokens: a bounded right to fetch a first certificate for one identity. The secret itself is never
// kept, only its SHA-256 (it is 32 random bytes, so no slow hash is needed).
//
// TokenStore is what persists; control implements it on its SQLite store. JoinTokens is the logic on top.
// Thread-safe if the store is.
#ifndef WEFT_CONTROL_CA_TOKENS_H_
#define WEFT_CONTROL_CA_TOKENS_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "pki/spiffe_id.h"

namespace weft::control::ca {

struct TokenRecord {
  std::string id;             // 8 hex digits, the primary key
  std::string secret_sha256;  // 32 raw bytes
  std::string ns;
  std::string service_account;
  std::string author;  // who made it
  absl::Time created;
  absl::Time expires;
  int uses_allowed = 1;
  int uses_taken = 0;
  absl::Time last_used = absl::InfinitePast();  // InfinitePast: never
  absl::Time revoked = absl::InfiniteFuture();  // InfiniteFuture: not revoked
};

class TokenStore {
 public:
  virtual ~TokenStore() = default;

  // AlreadyExists when the id is taken. Durable (survives kill -9) when it returns OK.
  virtual absl::Status Insert(const TokenRecord& record) = 0;

  // NotFound when there is none.
  virtual absl::StatusOr<TokenRecord> Find(std::string_view id) = 0;

  // In ONE transaction, durable when it returns true:
  //   if (id, key_sha256) has been taken before: true, nothing changes (a proxy whose answer got lost asks
  //     again with the same key, and that is no second use);
  //   else if uses_taken < uses_allowed: uses_taken += 1, last_used = now, remember (id, key_sha256); true;
  //   else false.
  // `key_sha256` is 32 raw bytes. Expiry and revocation are the caller's business. NotFound when there is
  // no such token.
  virtual absl::StatusOr<bool> Take(std::string_view id, std::string_view key_sha256, absl::Time now) = 0;

  // NotFound when there is none; a second time keeps the first time stamp.
  virtual absl::Status Revoke(std::string_view id, absl::Time now) = 0;

  virtual absl::StatusOr<std::vector<TokenRecord>> List() = 0;

  // Forgets tokens that expired before `before`, with what Take remembered of them; how many.
  virtual absl::StatusOr<int> EraseExpired(absl::Time before) = 0;
};

class JoinTokens {
 public:
  // `store` outlives this. `root_sha256` is CertificateAuthority::RootSha256().
  JoinTokens(TokenStore& store, std::string trust_domain, std::string root_sha256);

  struct Created {
    std::string text;  // weft1.…, shown once
    TokenRecord record;
  };
  // `identity` is "ns/sa". ttl in (0, 30 days], uses in [1, 10000], else InvalidArgument.
  absl::StatusOr<Created> Create(std::string_view identity, absl::Duration ttl, int uses, std::string_view author,
                                 absl::Time now);

  // Whose token it is, if it may be used now by this key; counts nothing. Unauthenticated with the
  // token's id and the age of the fault otherwise:
  //   join token 7f3a0c12: unknown
  //   join token 7f3a0c12: secret does not match
  //   join token 7f3a0c12: expired 2h4m ago
  //   join token 7f3a0c12: revoked 10s ago
  // The secret is compared in constant time, also when the id is unknown.
  absl::StatusOr<pki::SpiffeId> Check(std::string_view token_text, absl::Time now) const;

  // Check, then one use for `key_sha256`; in addition
  //   join token 7f3a0c12: used up (1 of 1 uses) 3m12s ago
  absl::StatusOr<pki::SpiffeId> Redeem(std::string_view token_text, std::string_view key_sha256, absl::Time now);

 private:
  absl::StatusOr<TokenRecord> FindValid(std::string_view token_text, absl::Time now) const;

  TokenStore& store_;
  const std::string trust_domain_;
  const std::string root_sha256_;
};

// "3m12s", "2h4m", "5d3h": two units at most, for people.
std::string FormatAge(absl::Duration age);

}  // namespace weft::control::ca

#endif  // WEFT_CONTROL_CA_TOKENS_H_
