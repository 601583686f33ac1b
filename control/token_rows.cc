#include "control/token_rows.h"

namespace weft::control {
namespace {

// Both have the same fields; neither may know the other.
template <typename To, typename From>
To Copy(const From& from) {
  To to;
  to.id = from.id;
  to.secret_sha256 = from.secret_sha256;
  to.ns = from.ns;
  to.service_account = from.service_account;
  to.author = from.author;
  to.created = from.created;
  to.expires = from.expires;
  to.uses_allowed = from.uses_allowed;
  to.uses_taken = from.uses_taken;
  to.last_used = from.last_used;
  to.revoked = from.revoked;
  return to;
}

}  // namespace

absl::Status TokenRows::Insert(const ca::TokenRecord& record) { return rows_.Insert(Copy<store::TokenRow>(record)); }

absl::StatusOr<ca::TokenRecord> TokenRows::Find(std::string_view id) {
  absl::StatusOr<store::TokenRow> row = rows_.Find(id);
  if (!row.ok()) return row.status();
  return Copy<ca::TokenRecord>(*row);
}

absl::StatusOr<std::vector<ca::TokenRecord>> TokenRows::List() {
  absl::StatusOr<std::vector<store::TokenRow>> rows = rows_.List();
  if (!rows.ok()) return rows.status();
  std::vector<ca::TokenRecord> records;
  for (const store::TokenRow& row : *rows) records.push_back(Copy<ca::TokenRecord>(row));
  return records;
}

}  // namespace weft::control
