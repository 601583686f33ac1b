// The table of join tokens. control/ca has the rules (what a token is, when it may be used) and an interface
// TokenStore; this is what stands behind it. Reached through Store::tokens(); thread-safe; shares the store's
// connections and mutexes.
#ifndef WEFT_CONTROL_STORE_TOKENS_H_
#define WEFT_CONTROL_STORE_TOKENS_H_

#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace weft::control::store {

class Database;

// Times that never were are InfinitePast, times that never come InfiniteFuture.
struct TokenRow {
  std::string id;
  std::string secret_sha256;
  std::string ns;
  std::string service_account;
  std::string author;
  absl::Time created;
  absl::Time expires;
  int uses_allowed = 1;
  int uses_taken = 0;
  absl::Time last_used = absl::InfinitePast();
  absl::Time revoked = absl::InfiniteFuture();
};

class Tokens {
 public:
  // Both outlive this; `mutex` guards `database`.
  Tokens(std::mutex& mutex, Database& database) : mutex_(mutex), database_(database) {}

  // AlreadyExists when the id is taken.
  absl::Status Insert(const TokenRow& row);
  // NotFound when there is none.
  absl::StatusOr<TokenRow> Find(std::string_view id);
  // True: this key has taken a use, now or before. False: all uses are taken. One transaction.
  absl::StatusOr<bool> Take(std::string_view id, std::string_view key_sha256, absl::Time now);
  // A second time keeps the first time stamp.
  absl::Status Revoke(std::string_view id, absl::Time now);
  // By time of creation.
  absl::StatusOr<std::vector<TokenRow>> List();
  // How many expired before `before` and are now forgotten.
  absl::StatusOr<int> EraseExpired(absl::Time before);

 private:
  absl::StatusOr<std::vector<TokenRow>> Select(std::string_view where, std::string_view id);

  std::mutex& mutex_;
  Database& database_;
};

}  // namespace weft::control::store

#endif  // WEFT_CONTROL_STORE_TOKENS_H_
