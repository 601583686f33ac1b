// Store::Apply: the one way in which objects change.
#include <utility>

#include "absl/strings/str_cat.h"
#include "control/store/addresses.h"
#include "control/store/database.h"
#include "control/store/rows.h"
#include "control/store/store.h"

namespace weft::control::store {
namespace {

// One Apply, inside its transaction.
class Run {
 public:
  Run(Database& database, const Commit& commit, int64_t revision, absl::Time now)
      : database_(database), commit_(commit), revision_(revision), now_(now) {}

  absl::Status WriteAll(Committed* committed) {
    if (absl::Status logged = LogRevision(); !logged.ok()) return logged;
    for (const Write& write : commit_.writes) {
      absl::StatusOr<Outcome> outcome = WriteOne(write);
      if (!outcome.ok()) return outcome.status();
      if (outcome->action != Action::kUnchanged) committed->changed = true;
      committed->outcomes.push_back(*std::move(outcome));
    }
    return absl::OkStatus();
  }

 private:
  absl::Status LogRevision() {
    absl::StatusOr<Statement> insert = database_.Prepare(
        "INSERT INTO revisions(number, time_us, author, via, action, message) VALUES(?1,?2,?3,?4,?5,?6)");
    if (!insert.ok()) return insert.status();
    return insert->Bind(revision_)
        .Bind(now_)
        .Bind(commit_.author)
        .Bind(commit_.via)
        .Bind(commit_.action)
        .Bind(commit_.message)
        .Run();
  }

  absl::StatusOr<Outcome> WriteOne(const Write& write) {
    absl::StatusOr<std::optional<ObjectRow>> present = FindPresent(database_, write.key);
    if (!present.ok()) return present.status();
    if (absl::Status expected = CheckExpected(write, *present); !expected.ok()) return expected;
    if (!write.bytes.has_value()) return Delete(write, *present);

    absl::StatusOr<std::vector<std::string>> addresses = AddressesFor(write);
    if (!addresses.ok()) return addresses.status();
    absl::StatusOr<Outcome> outcome = Put(write, *present);
    if (outcome.ok()) outcome->addresses = *std::move(addresses);
    return outcome;
  }

  absl::StatusOr<std::vector<std::string>> AddressesFor(const Write& write) {
    if (write.wants_address) return TakeAddress(database_, write.key.name);
    if (write.key.kind == model::Kind::kService) {
      if (absl::Status released = ReleaseAddress(database_, write.key.name, now_); !released.ok()) return released;
    }
    return std::vector<std::string>();
  }

  static absl::Status CheckExpected(const Write& write, const std::optional<ObjectRow>& present) {
    if (write.expected_revision == 0) return absl::OkStatus();
    const int64_t is = present.has_value() ? present->object.revision : 0;
    if (is == write.expected_revision) return absl::OkStatus();
    return absl::AbortedError(absl::StrCat(
        write.key.ToString(), ": resourceVersion ", write.expected_revision, " is stale: ",
        present.has_value() ? absl::StrCat("the object is at ", is) : std::string("the object does not exist"),
        "; get it, merge your change, apply again"));
  }

  absl::StatusOr<Outcome> Put(const Write& write, const std::optional<ObjectRow>& present) {
    Outcome outcome;
    if (present.has_value() && present->object.bytes == *write.bytes) {
      outcome.object = present->object;
      return outcome;
    }
    outcome.action = present.has_value() ? Action::kChanged : Action::kCreated;
    StoredObject& object = outcome.object;
    object.key = write.key;
    object.revision = revision_;
    object.bytes = *write.bytes;
    object.created = present.has_value() ? present->object.created : now_;
    object.generation = 1;
    if (present.has_value()) {
      object.generation = present->object.generation + (present->spec_hash == write.spec_hash ? 0 : 1);
    }
    if (absl::Status put = PutRow(database_, {object, write.spec_hash}); !put.ok()) return put;
    if (absl::Status kept = AddHistory(database_, revision_, outcome.action, {object, write.spec_hash}); !kept.ok()) {
      return kept;
    }
    return outcome;
  }

  absl::StatusOr<Outcome> Delete(const Write& write, const std::optional<ObjectRow>& present) {
    if (!present.has_value()) return absl::NotFoundError(absl::StrCat(write.key.ToString(), ": not found"));
    if (absl::Status gone = DeleteRow(database_, write.key); !gone.ok()) return gone;
    if (absl::Status kept = AddHistory(database_, revision_, Action::kDeleted, *present); !kept.ok()) return kept;
    if (write.key.kind == model::Kind::kService) {
      if (absl::Status released = ReleaseAddress(database_, write.key.name, now_); !released.ok()) return released;
    }
    return Outcome{Action::kDeleted, present->object, {}};
  }

  Database& database_;
  const Commit& commit_;
  const int64_t revision_;
  const absl::Time now_;
};

}  // namespace

absl::StatusOr<Committed> Store::Apply(const Commit& commit, absl::Time now) {
  std::scoped_lock lock(write_mutex_);
  absl::StatusOr<Transaction> transaction = Transaction::Begin(*writer_);
  if (!transaction.ok()) return transaction.status();
  absl::StatusOr<int64_t> present = writer_->ReadNumber("SELECT max(number) FROM revisions");
  if (!present.ok()) return present.status();
  // Microseconds are what the file keeps; answers say the same before and after a restart.
  now = absl::FromUnixMicros(absl::ToUnixMicros(now));

  Committed committed;
  committed.revision = *present;
  Run run(*writer_, commit, *present + 1, now);
  if (absl::Status written = run.WriteAll(&committed); !written.ok()) return written;
  if (!committed.changed || commit.dry_run) return committed;
  if (absl::Status done = transaction->Commit(); !done.ok()) return done;
  committed.revision = *present + 1;
  std::scoped_lock wait_lock(wait_mutex_);
  newest_ = committed.revision;
  newer_.notify_all();
  return committed;
}

}  // namespace weft::control::store
