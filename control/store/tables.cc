#include "control/store/tables.h"

#include <iterator>
#include <string>

#include "absl/strings/str_cat.h"

namespace weft::control::store {
namespace {

// Entry N brings layout N to N + 1. Never change one that was released; add another.
constexpr const char* kMigrations[] = {
    R"sql(
    CREATE TABLE revisions(
      number INTEGER PRIMARY KEY,
      time_us INTEGER NOT NULL,
      author TEXT NOT NULL,
      via TEXT NOT NULL,
      action TEXT NOT NULL,
      message TEXT NOT NULL);
    -- Every state that an object ever had; bytes NULL: deleted.
    CREATE TABLE history(
      revision INTEGER NOT NULL REFERENCES revisions(number),
      kind TEXT NOT NULL, ns TEXT NOT NULL, name TEXT NOT NULL,
      action INTEGER NOT NULL,
      generation INTEGER NOT NULL,
      created_us INTEGER NOT NULL,
      spec_hash INTEGER NOT NULL,
      bytes BLOB,
      UNIQUE(kind, ns, name, revision));
    CREATE INDEX history_by_revision ON history(revision);
    -- The present ones.
    CREATE TABLE objects(
      kind TEXT NOT NULL, ns TEXT NOT NULL, name TEXT NOT NULL,
      revision INTEGER NOT NULL REFERENCES revisions(number),
      generation INTEGER NOT NULL,
      created_us INTEGER NOT NULL,
      spec_hash INTEGER NOT NULL,
      bytes BLOB NOT NULL,
      PRIMARY KEY(kind, ns, name));
    -- Virtual addresses by number in the range. A deleted service keeps its own until the range is used up.
    CREATE TABLE addresses(
      ns TEXT NOT NULL, name TEXT NOT NULL,
      number INTEGER NOT NULL UNIQUE,
      released_us INTEGER,
      PRIMARY KEY(ns, name));
    CREATE TABLE settings(key TEXT PRIMARY KEY, value TEXT NOT NULL);
    CREATE TABLE tokens(
      id TEXT PRIMARY KEY,
      secret_sha256 BLOB NOT NULL,
      ns TEXT NOT NULL, service_account TEXT NOT NULL,
      author TEXT NOT NULL,
      created_us INTEGER NOT NULL,
      expires_us INTEGER NOT NULL,
      uses_allowed INTEGER NOT NULL,
      uses_taken INTEGER NOT NULL,
      last_used_us INTEGER,
      revoked_us INTEGER);
    CREATE TABLE token_uses(
      id TEXT NOT NULL REFERENCES tokens(id) ON DELETE CASCADE,
      key_sha256 BLOB NOT NULL,
      PRIMARY KEY(id, key_sha256));
    )sql",
    // To forget a revision, SQLite looks for objects that refer to it.
    "CREATE INDEX objects_by_revision ON objects(revision);",
};

absl::Status CheckOwner(Database& database) {
  absl::StatusOr<int64_t> owner = database.ReadNumber("PRAGMA application_id");
  if (!owner.ok()) return owner.status();
  absl::StatusOr<int64_t> tables = database.ReadNumber("SELECT count(*) FROM sqlite_master");
  if (!tables.ok()) return tables.status();
  if (*owner == kApplicationId || (*owner == 0 && *tables == 0)) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(database.path(), ": is a database of another program (application id ", *owner, ", ", *tables,
                   " tables); give weft-control a --data directory of its own"));
}

absl::Status CheckWhole(Database& database) {
  absl::StatusOr<std::string> verdict = database.ReadText("PRAGMA quick_check(1)");
  if (!verdict.ok()) return verdict.status();
  if (*verdict == "ok") return absl::OkStatus();
  return absl::DataLossError(
      absl::StrCat(database.path(), ": the store is damaged (", *verdict, "); restore a backup, or move it away"));
}

}  // namespace

int NewestVersion() { return static_cast<int>(std::size(kMigrations)); }

absl::Status SetUpWriter(Database& database) {
  absl::StatusOr<std::string> mode = database.ReadText("PRAGMA journal_mode=WAL");
  if (!mode.ok()) return mode.status();
  if (*mode != "wal") {
    return absl::FailedPreconditionError(
        absl::StrCat(database.path(), ": its file system cannot keep a write-ahead log (journal mode ", *mode, ")"));
  }
  return database.Execute("PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA journal_size_limit=67108864");
}

absl::Status PrepareTables(Database& database) {
  if (absl::Status owner = CheckOwner(database); !owner.ok()) return owner;
  absl::StatusOr<int64_t> version = database.ReadNumber("PRAGMA user_version");
  if (!version.ok()) return version.status();
  if (*version > NewestVersion()) {
    return absl::FailedPreconditionError(absl::StrCat(database.path(), ": was written by a newer weft-control (layout ",
                                                      *version, ", this one knows up to ", NewestVersion(),
                                                      "); use that version or a store of your own"));
  }
  if (absl::Status whole = CheckWhole(database); !whole.ok()) return whole;
  if (absl::Status set = SetUpWriter(database); !set.ok()) return set;
  if (*version == NewestVersion()) return absl::OkStatus();
  absl::StatusOr<Transaction> transaction = Transaction::Begin(database);
  if (!transaction.ok()) return transaction.status();
  std::string sql;
  for (int step = static_cast<int>(*version); step < NewestVersion(); ++step) sql += kMigrations[step];
  absl::StrAppend(&sql, "PRAGMA application_id=", kApplicationId, ";PRAGMA user_version=", NewestVersion(), ";");
  if (absl::Status migrated = database.Execute(sql); !migrated.ok()) return migrated;
  return transaction->Commit();
}

}  // namespace weft::control::store
