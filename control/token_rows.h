// The store's table of join tokens as the authority's TokenStore. Thread-safe, as the table is.
#ifndef WEFT_CONTROL_TOKEN_ROWS_H_
#define WEFT_CONTROL_TOKEN_ROWS_H_

#include <string_view>
#include <vector>

#include "control/ca/tokens.h"
#include "control/store/tokens.h"

namespace weft::control {

class TokenRows final : public ca::TokenStore {
 public:
  explicit TokenRows(store::Tokens& rows) : rows_(rows) {}  // outlives this

  absl::Status Insert(const ca::TokenRecord& record) override;
  absl::StatusOr<ca::TokenRecord> Find(std::string_view id) override;
  absl::StatusOr<bool> Take(std::string_view id, std::string_view key_sha256, absl::Time now) override {
    return rows_.Take(id, key_sha256, now);
  }
  absl::Status Revoke(std::string_view id, absl::Time now) override { return rows_.Revoke(id, now); }
  absl::StatusOr<std::vector<ca::TokenRecord>> List() override;
  absl::StatusOr<int> EraseExpired(absl::Time before) override { return rows_.EraseExpired(before); }

 private:
  store::Tokens& rows_;
};

}  // namespace weft::control

#endif  // WEFT_CONTROL_TOKEN_ROWS_H_
