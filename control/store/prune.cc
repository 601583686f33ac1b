// Store::Prune: what bounds the history.
#include <algorithm>
#include <utility>

#include "control/store/database.h"
#include "control/store/rows.h"
#include "control/store/store.h"

namespace weft::control::store {
namespace {

// A transaction holds up writers; one of this size takes well under a second.
constexpr int64_t kMostAtOnce = 5000;

// The first revision from `oldest` on that may not be forgotten.
absl::StatusOr<int64_t> FirstToKeep(Database& database, int64_t oldest, int64_t newest, const HistoryLimits& limits,
                                    absl::Time now) {
  absl::StatusOr<Statement> young =
      database.Prepare("SELECT number FROM revisions WHERE number>=?1 AND time_us>=?2 ORDER BY number LIMIT 1");
  if (!young.ok()) return young.status();
  absl::StatusOr<bool> found = young->Bind(oldest).Bind(now - limits.age).Step();
  if (!found.ok()) return found.status();
  const int64_t first_young = *found ? young->Int(0) : newest;
  const int64_t first_of_newest = newest - std::max<int64_t>(limits.revisions, 1) + 1;
  return std::max(std::min({first_young, first_of_newest, oldest + kMostAtOnce}), oldest);
}

absl::StatusOr<int64_t> Run(Database& database, const char* sql, int64_t first) {
  absl::StatusOr<Statement> statement = database.Prepare(sql);
  if (!statement.ok()) return statement.status();
  if (absl::Status run = statement->Bind(first).Run(); !run.ok()) return run;
  return database.ReadNumber("SELECT changes()");
}

// Leaves of what is before `first` each object's state at `first`, and the revisions that these states are of.
absl::StatusOr<int64_t> Forget(Database& database, int64_t first) {
  absl::StatusOr<int64_t> overtaken = Run(
      database,
      "DELETE FROM history WHERE revision<?1 AND EXISTS (SELECT 1 FROM history AS later WHERE later.kind=history.kind "
      "AND later.ns=history.ns AND later.name=history.name AND later.revision>history.revision "
      "AND later.revision<=?1)",
      first);
  if (!overtaken.ok()) return overtaken;
  absl::StatusOr<int64_t> deletions = Run(database, "DELETE FROM history WHERE revision<?1 AND bytes IS NULL", first);
  if (!deletions.ok()) return deletions;
  absl::StatusOr<int64_t> revisions =
      Run(database,
          "DELETE FROM revisions WHERE number<?1 AND NOT EXISTS (SELECT 1 FROM history WHERE revision=number) "
          "AND NOT EXISTS (SELECT 1 FROM objects WHERE revision=number)",
          first);
  if (!revisions.ok()) return revisions;
  return *overtaken + *deletions;
}

}  // namespace

absl::StatusOr<Pruned> Store::Prune(const HistoryLimits& limits, absl::Time now) {
  std::scoped_lock lock(write_mutex_);
  absl::StatusOr<Transaction> transaction = Transaction::Begin(*writer_);
  if (!transaction.ok()) return transaction.status();
  absl::StatusOr<int64_t> oldest = OldestRevision(*writer_);
  if (!oldest.ok()) return oldest.status();
  absl::StatusOr<int64_t> newest = writer_->ReadNumber("SELECT max(number) FROM revisions");
  if (!newest.ok()) return newest.status();
  absl::StatusOr<int64_t> first = FirstToKeep(*writer_, *oldest, *newest, limits, now);
  if (!first.ok()) return first.status();
  Pruned pruned{.revisions = *first - *oldest, .states = 0, .oldest = *first};
  if (pruned.revisions == 0) return pruned;
  absl::StatusOr<int64_t> states = Forget(*writer_, *first);
  if (!states.ok()) return states.status();
  pruned.states = *states;
  if (absl::Status set = SetOldestRevision(*writer_, *first); !set.ok()) return set;
  if (absl::Status done = transaction->Commit(); !done.ok()) return done;
  return pruned;
}

}  // namespace weft::control::store
