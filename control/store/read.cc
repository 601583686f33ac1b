// The reading side of Store: one snapshot of the database for each call.
#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "control/store/addresses.h"
#include "control/store/database.h"
#include "control/store/rows.h"
#include "control/store/store.h"

namespace weft::control::store {
namespace {

// Holds one state of the database for several statements.
class Snapshot {
 public:
  static absl::StatusOr<Snapshot> Begin(Database& database) {
    if (absl::Status begun = database.Execute("BEGIN"); !begun.ok()) return begun;
    return Snapshot(&database);
  }
  Snapshot(Snapshot&& other) noexcept : database_(std::exchange(other.database_, nullptr)) {}
  Snapshot& operator=(Snapshot&&) = delete;
  ~Snapshot() {
    if (database_ != nullptr) database_->Execute("COMMIT").IgnoreError();
  }

 private:
  explicit Snapshot(Database* database) : database_(database) {}
  Database* database_;
};

constexpr const char* kNewest = "SELECT max(number) FROM revisions";

// The newest revision, after a check that `revision` is one.
absl::StatusOr<int64_t> CheckRevision(Database& database, int64_t revision) {
  absl::StatusOr<int64_t> newest = database.ReadNumber(kNewest);
  if (!newest.ok()) return newest;
  if (revision < 0 || revision > *newest) {
    return absl::OutOfRangeError(absl::StrCat("revision ", revision, " does not exist; the newest is ", *newest));
  }
  absl::StatusOr<int64_t> oldest = OldestRevision(database);
  if (!oldest.ok()) return oldest;
  if (revision == 0 || revision >= *oldest) return newest;
  return absl::OutOfRangeError(absl::StrCat("revision ", revision, " is no longer kept; the oldest is ", *oldest));
}

// Whether the history still has everything that came after `revision`.
absl::Status CheckAfter(Database& database, int64_t revision) {
  absl::StatusOr<int64_t> oldest = OldestRevision(database);
  if (!oldest.ok()) return oldest.status();
  if (revision + 1 >= *oldest) return absl::OkStatus();
  return absl::OutOfRangeError(absl::StrCat("what changed after revision ", revision,
                                            " is no longer kept; the oldest revision is ", *oldest,
                                            ": read everything anew"));
}

// Columns: kind, ns, name, revision, generation, created_us, bytes.
constexpr const char* kPresent =
    "SELECT kind, ns, name, revision, generation, created_us, bytes FROM objects ORDER BY kind, ns, name";
// With GROUP BY, SQLite takes the other columns from the row that has the maximum.
constexpr const char* kAsOf =
    "SELECT kind, ns, name, max(revision), generation, created_us, bytes FROM history WHERE revision<=?1 "
    "GROUP BY kind, ns, name ORDER BY kind, ns, name";

absl::StatusOr<StoredObject> ObjectAt(const Statement& row, const Database& database) {
  absl::StatusOr<model::ObjectKey> key = KeyAt(row, 0, database);
  if (!key.ok()) return key.status();
  return StoredObject{*std::move(key), row.Int(3), static_cast<int>(row.Int(4)), absl::FromUnixMicros(row.Int(5)),
                      row.Text(6)};
}

absl::Status AddChanges(Database& database, RevisionEntry& entry) {
  absl::StatusOr<Statement> changes =
      database.Prepare("SELECT kind, ns, name, action FROM history WHERE revision=?1 ORDER BY kind, ns, name");
  if (!changes.ok()) return changes.status();
  changes->Bind(entry.revision);
  while (true) {
    absl::StatusOr<bool> row = changes->Step();
    if (!row.ok()) return row.status();
    if (!*row) return absl::OkStatus();
    absl::StatusOr<model::ObjectKey> key = KeyAt(*changes, 0, database);
    if (!key.ok()) return key.status();
    entry.changes.emplace_back(*std::move(key), static_cast<Action>(changes->Int(3)));
  }
}

}  // namespace

absl::StatusOr<int64_t> Store::CurrentRevision() {
  std::scoped_lock lock(read_mutex_);
  return reader_->ReadNumber(kNewest);
}

absl::StatusOr<StoredObject> Store::Get(const model::ObjectKey& key, int64_t revision) {
  std::scoped_lock lock(read_mutex_);
  absl::StatusOr<Snapshot> snapshot = Snapshot::Begin(*reader_);
  if (!snapshot.ok()) return snapshot.status();
  absl::StatusOr<int64_t> newest = CheckRevision(*reader_, revision);
  if (!newest.ok()) return newest.status();
  absl::StatusOr<Statement> find = reader_->Prepare(
      "SELECT kind, ns, name, revision, generation, created_us, bytes FROM history "
      "WHERE kind=?1 AND ns=?2 AND name=?3 AND revision<=?4 ORDER BY revision DESC LIMIT 1");
  if (!find.ok()) return find.status();
  find->Bind(model::KindName(key.kind)).Bind(key.name.ns).Bind(key.name.name).Bind(revision == 0 ? *newest : revision);
  absl::StatusOr<bool> row = find->Step();
  if (!row.ok()) return row.status();
  if (*row && !find->IsNull(6)) return ObjectAt(*find, *reader_);
  return absl::NotFoundError(revision == 0 ? absl::StrCat(key.ToString(), ": not found")
                                           : absl::StrCat(key.ToString(), ": did not exist at revision ", revision));
}

absl::StatusOr<Store::Listing> Store::List(int64_t revision) {
  std::scoped_lock lock(read_mutex_);
  absl::StatusOr<Snapshot> snapshot = Snapshot::Begin(*reader_);
  if (!snapshot.ok()) return snapshot.status();
  absl::StatusOr<int64_t> newest = CheckRevision(*reader_, revision);
  if (!newest.ok()) return newest.status();

  Listing listing;
  listing.revision = revision == 0 ? *newest : revision;
  absl::StatusOr<Addresses> addresses = AddressesInUse(*reader_);
  if (!addresses.ok()) return addresses.status();
  listing.addresses = *std::move(addresses);
  absl::StatusOr<Statement> all = reader_->Prepare(revision == 0 ? kPresent : kAsOf);
  if (!all.ok()) return all.status();
  if (revision != 0) all->Bind(revision);
  while (true) {
    absl::StatusOr<bool> row = all->Step();
    if (!row.ok()) return row.status();
    if (!*row) return listing;
    if (all->IsNull(6)) continue;
    absl::StatusOr<StoredObject> object = ObjectAt(*all, *reader_);
    if (!object.ok()) return object.status();
    listing.objects.push_back(*std::move(object));
  }
}

absl::StatusOr<std::vector<Change>> Store::ChangesAfter(int64_t after, int limit) {
  std::scoped_lock lock(read_mutex_);
  absl::StatusOr<Snapshot> snapshot = Snapshot::Begin(*reader_);
  if (!snapshot.ok()) return snapshot.status();
  if (absl::Status kept = CheckAfter(*reader_, after); !kept.ok()) return kept;
  absl::StatusOr<int64_t> newest = reader_->ReadNumber(kNewest);
  if (!newest.ok()) return newest.status();
  if (after < 0 || after > *newest) {
    return absl::OutOfRangeError(absl::StrCat("revision ", after, " does not exist; the newest is ", *newest));
  }
  absl::StatusOr<Statement> rows = reader_->Prepare(
      "SELECT kind, ns, name, revision, generation, created_us, bytes, action FROM history "
      "WHERE revision>?1 AND revision<=?2 ORDER BY revision, kind, ns, name");
  if (!rows.ok()) return rows.status();
  rows->Bind(after).Bind(after + limit);
  std::vector<Change> changes;
  while (true) {
    absl::StatusOr<bool> row = rows->Step();
    if (!row.ok()) return row.status();
    if (!*row) return changes;
    absl::StatusOr<StoredObject> object = ObjectAt(*rows, *reader_);
    if (!object.ok()) return object.status();
    changes.push_back({object->revision, static_cast<Action>(rows->Int(7)), *std::move(object)});
  }
}

absl::StatusOr<std::vector<RevisionEntry>> Store::Log(const LogQuery& query) {
  std::scoped_lock lock(read_mutex_);
  absl::StatusOr<Snapshot> snapshot = Snapshot::Begin(*reader_);
  if (!snapshot.ok()) return snapshot.status();
  const std::string touching =
      query.only.has_value() ? " AND number IN (SELECT revision FROM history WHERE kind=?4 AND ns=?5 AND name=?6)" : "";
  absl::StatusOr<int64_t> oldest = OldestRevision(*reader_);
  if (!oldest.ok()) return oldest.status();
  absl::StatusOr<Statement> rows = reader_->Prepare(
      absl::StrCat("SELECT number, time_us, author, via, action, message FROM revisions WHERE number>=?3 AND "
                   "(?1=0 OR number<?1)",
                   touching, " ORDER BY number DESC LIMIT ?2"));
  if (!rows.ok()) return rows.status();
  // Older ones may have left a part, for the sake of later revisions.
  rows->Bind(query.before_revision).Bind(int64_t{query.limit}).Bind(*oldest);
  if (query.only.has_value()) {
    rows->Bind(model::KindName(query.only->kind)).Bind(query.only->name.ns).Bind(query.only->name.name);
  }
  std::vector<RevisionEntry> entries;
  while (true) {
    absl::StatusOr<bool> row = rows->Step();
    if (!row.ok()) return row.status();
    if (!*row) return entries;
    RevisionEntry entry{rows->Int(0),
                        absl::FromUnixMicros(rows->Int(1)),
                        rows->Text(2),
                        rows->Text(3),
                        rows->Text(4),
                        rows->Text(5),
                        {}};
    if (absl::Status added = AddChanges(*reader_, entry); !added.ok()) return added;
    entries.push_back(std::move(entry));
  }
}

}  // namespace weft::control::store
