// Single rows of the tables `objects` and `history`. INTERNAL to control/store; the caller holds the connection's
// mutex.
#ifndef WEFT_CONTROL_STORE_ROWS_H_
#define WEFT_CONTROL_STORE_ROWS_H_

#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "control/store/database.h"
#include "control/store/store.h"

namespace weft::control::store {

struct ObjectRow {
  StoredObject object;
  int64_t spec_hash = 0;
};

absl::StatusOr<std::optional<ObjectRow>> FindPresent(Database& database, const model::ObjectKey& key);
absl::Status PutRow(Database& database, const ObjectRow& row);
absl::Status DeleteRow(Database& database, const model::ObjectKey& key);
// With kDeleted the bytes are left out.
absl::Status AddHistory(Database& database, int64_t revision, Action action, const ObjectRow& row);

// Reads kind, ns, name from columns `first`, `first` + 1, `first` + 2. DataLoss: a kind that we do not know.
absl::StatusOr<model::ObjectKey> KeyAt(const Statement& row, int first, const Database& database);

// The oldest revision that the history has in full; 1 until something was pruned.
absl::StatusOr<int64_t> OldestRevision(Database& database);
absl::Status SetOldestRevision(Database& database, int64_t revision);

}  // namespace weft::control::store

#endif  // WEFT_CONTROL_STORE_ROWS_H_
