// The layout of store.db and how an older one becomes the present one. INTERNAL to control/store.
#ifndef WEFT_CONTROL_STORE_TABLES_H_
#define WEFT_CONTROL_STORE_TABLES_H_

#include "absl/status/status.h"
#include "control/store/database.h"

namespace weft::control::store {

// PRAGMA application_id ("weft") tells our files from other programs', user_version which layout they have.
inline constexpr int kApplicationId = 0x77656674;

// The newest layout that this program knows.
int NewestVersion();

// Settings of the connection that writes: WAL, synchronous=FULL, foreign keys.
absl::Status SetUpWriter(Database& database);

// Checks that the file is ours and whole, and brings it to the newest layout in one transaction. FailedPrecondition:
// another program's, or a newer weft-control's. DataLoss: damaged.
absl::Status PrepareTables(Database& database);

}  // namespace weft::control::store

#endif  // WEFT_CONTROL_STORE_TABLES_H_
