// Everything that must outlive the process: objects with their history, virtual addresses, join tokens. One SQLite
// file, DIR/store.db (WAL, synchronous=FULL): what a call acknowledged survives kill -9 and loss of power.
//
// The store knows keys and bytes, not what is in them. Thread-safe: one connection writes behind a mutex, another
// reads, so a reader never waits for a writer. The mutexes are of std: TSan sees them, and not those of Debian's
// Abseil. Failures: see Database::Failure; a failed call changed nothing.
#ifndef WEFT_CONTROL_STORE_STORE_H_
#define WEFT_CONTROL_STORE_STORE_H_

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "control/model/meta.h"
#include "control/store/addresses.h"

namespace weft::control::store {

class Database;
class Tokens;

struct StoredObject {
  model::ObjectKey key;
  int64_t revision = 0;  // that last changed it
  int generation = 0;    // changes of its spec, from 1
  absl::Time created;
  std::string bytes;
};

enum class Action { kUnchanged = 0, kCreated = 1, kChanged = 2, kDeleted = 3 };

struct Write {
  model::ObjectKey key;
  std::optional<std::string> bytes;  // none: delete
  int64_t spec_hash = 0;             // a different one than before is a new generation
  int64_t expected_revision = 0;     // 0: any; else the object must be at it
  bool wants_address = false;        // a service that gets virtual addresses from the range
};

struct Commit {
  std::string author;
  std::string via;     // how the author was known
  std::string action;  // "apply", "delete", "rollback to 12"
  std::string message;
  std::vector<Write> writes;  // each key once
  bool dry_run = false;       // everything, then undone
};

struct Outcome {
  Action action = Action::kUnchanged;
  StoredObject object;                 // as it is now; as it was when deleted
  std::vector<std::string> addresses;  // of a service that wants some
};

struct Committed {
  int64_t revision = 0;  // the new one, or the present one when nothing changed
  bool changed = false;
  std::vector<Outcome> outcomes;  // in the order of the writes
};

// One entry of the history.
struct Change {
  int64_t revision = 0;
  Action action = Action::kUnchanged;
  StoredObject object;  // bytes empty when deleted
};

struct RevisionEntry {
  int64_t revision = 0;
  absl::Time time;
  std::string author, via, action, message;
  std::vector<std::pair<model::ObjectKey, Action>> changes;
};

struct LogQuery {
  int limit = 50;
  int64_t before_revision = 0;                          // 0: from the newest
  std::optional<model::ObjectKey> only = std::nullopt;  // revisions that touched it
};

struct Sizes {
  int64_t database_bytes = 0;
  int64_t log_bytes = 0;  // of the write-ahead log
};

// What Prune leaves: the newest `revisions`, and everything younger than `age`, whichever is more.
struct HistoryLimits {
  int64_t revisions = 1000;  // at least 1
  absl::Duration age = absl::Hours(24 * 30);
};

struct Pruned {
  int64_t revisions = 0;  // that were forgotten
  int64_t states = 0;     // of objects, that only they had
  int64_t oldest = 1;     // revision that can still be read and rolled back to
};

class Store {
 public:
  // Makes `directory` (0700) and the file when they are not there; holds DIR/store.lock, so that a second process is
  // refused with Unavailable. Other failures: FailedPrecondition (another program's file, a newer version's, no
  // rights), DataLoss.
  static absl::StatusOr<std::unique_ptr<Store>> Open(const std::string& directory);
  ~Store();

  // All writes or none, as one new revision. Aborted: an expected_revision does not hold (the message names object and
  // both revisions). NotFound: a delete of what is not there.
  absl::StatusOr<Committed> Apply(const Commit& commit, absl::Time now);

  absl::StatusOr<int64_t> CurrentRevision();
  // revision 0: now. NotFound (object) or OutOfRange (a revision that does not exist, or no longer: the message says
  // which is the oldest).
  absl::StatusOr<StoredObject> Get(const model::ObjectKey& key, int64_t revision = 0);
  // By kind, namespace, name; and the revision that it is of.
  struct Listing {
    int64_t revision = 0;
    std::vector<StoredObject> objects;
    Addresses addresses;  // of the services that hold some now
  };
  absl::StatusOr<Listing> List(int64_t revision = 0);
  // The changes in (after, …], oldest first, at most `limit` revisions of them.
  absl::StatusOr<std::vector<Change>> ChangesAfter(int64_t after, int limit);
  absl::StatusOr<std::vector<RevisionEntry>> Log(const LogQuery& query);

  // Forgets the oldest part of the history, in one transaction, and no more than some thousand revisions at a time:
  // call it until it gives 0. Whatever the present state or a later revision needs stays.
  absl::StatusOr<Pruned> Prune(const HistoryLimits& limits, absl::Time now);

  // Waits until there is a revision above `after`, or until the time or Stop(). The present revision.
  int64_t WaitForRevisionAfter(int64_t after, absl::Duration at_most);
  // Ends all waits, now and later.
  void Stop();

  Tokens& tokens() { return *tokens_; }
  Sizes FileSizes() const;

 private:
  Store(std::string directory, int lock_file);
  absl::Status OpenConnections();

  const std::string directory_;
  const int lock_file_;  // held open for its flock

  std::mutex write_mutex_;            // locked before read_mutex_
  std::unique_ptr<Database> writer_;  // used under write_mutex_
  std::mutex read_mutex_;
  std::unique_ptr<Database> reader_;  // used under read_mutex_
  std::unique_ptr<Tokens> tokens_;

  std::mutex wait_mutex_;
  std::condition_variable newer_;  // newest_ or stopped_ changed
  int64_t newest_ = 0;             // guarded by wait_mutex_, like the next
  bool stopped_ = false;
};

}  // namespace weft::control::store

#endif  // WEFT_CONTROL_STORE_STORE_H_
