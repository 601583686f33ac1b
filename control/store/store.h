// Everything that must outlive the process: objects with their history, virtual addresses, join tokens. One SQLite
// file, DIR/store.db (WAL, synchronous=FULL): what a call acknowledged survives kill -9 and loss of power.
//
// The store knows keys and bytes, not what is in them. Thread-safe: one connection writes behind a mutex, another
// reads, so a reader never waits for a writer. Failures: see Database::Failure; a failed call changed nothing.
#ifndef WEFT_CONTROL_STORE_STORE_H_
#define WEFT_CONTROL_STORE_STORE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
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
  // revision 0: now. NotFound (object) or OutOfRange (a revision that does not exist).
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

  absl::Mutex write_mutex_ ABSL_ACQUIRED_BEFORE(read_mutex_);
  std::unique_ptr<Database> writer_ ABSL_PT_GUARDED_BY(write_mutex_);
  absl::Mutex read_mutex_;
  std::unique_ptr<Database> reader_ ABSL_PT_GUARDED_BY(read_mutex_);
  std::unique_ptr<Tokens> tokens_;

  absl::Mutex wait_mutex_;
  int64_t newest_ ABSL_GUARDED_BY(wait_mutex_) = 0;
  bool stopped_ ABSL_GUARDED_BY(wait_mutex_) = false;
};

}  // namespace weft::control::store

#endif  // WEFT_CONTROL_STORE_STORE_H_
