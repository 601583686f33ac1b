#include "control/store/rows.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"

namespace weft::control::store {
namespace {

void BindKey(Statement& statement, const model::ObjectKey& key) {
  statement.Bind(model::KindName(key.kind)).Bind(key.name.ns).Bind(key.name.name);
}

}  // namespace

absl::StatusOr<model::ObjectKey> KeyAt(const Statement& row, int first, const Database& database) {
  const std::string word = row.Text(first);
  const std::optional<model::Kind> kind = model::KindFromWord(word);
  if (!kind.has_value()) {
    return absl::DataLossError(
        absl::StrCat(database.path(), ": holds an object of kind '", word, "', which this weft-control does not know"));
  }
  return model::ObjectKey{*kind, {row.Text(first + 1), row.Text(first + 2)}};
}

absl::StatusOr<std::optional<ObjectRow>> FindPresent(Database& database, const model::ObjectKey& key) {
  absl::StatusOr<Statement> find = database.Prepare(
      "SELECT revision, generation, created_us, spec_hash, bytes FROM objects WHERE kind=?1 AND ns=?2 AND name=?3");
  if (!find.ok()) return find.status();
  BindKey(*find, key);
  absl::StatusOr<bool> row = find->Step();
  if (!row.ok()) return row.status();
  if (!*row) return std::nullopt;
  ObjectRow found;
  found.object = {key, find->Int(0), static_cast<int>(find->Int(1)), absl::FromUnixMicros(find->Int(2)), find->Text(4)};
  found.spec_hash = find->Int(3);
  return found;
}

absl::Status PutRow(Database& database, const ObjectRow& row) {
  absl::StatusOr<Statement> put = database.Prepare(
      "INSERT INTO objects(kind, ns, name, revision, generation, created_us, spec_hash, bytes) "
      "VALUES(?1,?2,?3,?4,?5,?6,?7,?8) ON CONFLICT(kind, ns, name) DO UPDATE SET revision=excluded.revision, "
      "generation=excluded.generation, spec_hash=excluded.spec_hash, bytes=excluded.bytes");
  if (!put.ok()) return put.status();
  BindKey(*put, row.object.key);
  return put->Bind(row.object.revision)
      .Bind(int64_t{row.object.generation})
      .Bind(row.object.created)
      .Bind(row.spec_hash)
      .BindBytes(row.object.bytes)
      .Run();
}

absl::Status DeleteRow(Database& database, const model::ObjectKey& key) {
  absl::StatusOr<Statement> erase = database.Prepare("DELETE FROM objects WHERE kind=?1 AND ns=?2 AND name=?3");
  if (!erase.ok()) return erase.status();
  BindKey(*erase, key);
  return erase->Run();
}

absl::Status AddHistory(Database& database, int64_t revision, Action action, const ObjectRow& row) {
  absl::StatusOr<Statement> add = database.Prepare(
      "INSERT INTO history(kind, ns, name, revision, action, generation, created_us, spec_hash, bytes) "
      "VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9)");
  if (!add.ok()) return add.status();
  BindKey(*add, row.object.key);
  add->Bind(revision)
      .Bind(static_cast<int64_t>(action))
      .Bind(int64_t{row.object.generation})
      .Bind(row.object.created)
      .Bind(row.spec_hash);
  if (action == Action::kDeleted) {
    add->BindNull();
  } else {
    add->BindBytes(row.object.bytes);
  }
  return add->Run();
}

absl::StatusOr<int64_t> OldestRevision(Database& database) {
  absl::StatusOr<int64_t> oldest =
      database.ReadNumber("SELECT CAST(value AS INTEGER) FROM settings WHERE key='oldest_revision'");
  if (!oldest.ok()) return oldest;
  return std::max<int64_t>(*oldest, 1);
}

absl::Status SetOldestRevision(Database& database, int64_t revision) {
  absl::StatusOr<Statement> set = database.Prepare(
      "INSERT INTO settings(key, value) VALUES('oldest_revision', ?1) "
      "ON CONFLICT(key) DO UPDATE SET value=excluded.value");
  if (!set.ok()) return set.status();
  return set->Bind(std::to_string(revision)).Run();
}

}  // namespace weft::control::store
