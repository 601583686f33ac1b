#include "control/store/tokens.h"

#include <sqlite3.h>

#include "absl/strings/str_cat.h"
#include "control/store/database.h"

namespace weft::control::store {
namespace {

absl::Status NoSuchToken(std::string_view id) {
  return absl::NotFoundError(absl::StrCat("join token ", std::string(id), ": unknown"));
}

TokenRow RowOf(const Statement& row) {
  TokenRow token;
  token.id = row.Text(0);
  token.secret_sha256 = row.Text(1);
  token.ns = row.Text(2);
  token.service_account = row.Text(3);
  token.author = row.Text(4);
  token.created = row.TimeOr(5, absl::InfinitePast());
  token.expires = row.TimeOr(6, absl::InfiniteFuture());
  token.uses_allowed = static_cast<int>(row.Int(7));
  token.uses_taken = static_cast<int>(row.Int(8));
  token.last_used = row.TimeOr(9, absl::InfinitePast());
  token.revoked = row.TimeOr(10, absl::InfiniteFuture());
  return token;
}

}  // namespace

absl::Status Tokens::Insert(const TokenRow& row) {
  std::scoped_lock lock(mutex_);
  absl::StatusOr<Statement> insert = database_.Prepare(
      "INSERT INTO tokens(id, secret_sha256, ns, service_account, author, created_us, expires_us, uses_allowed, "
      "uses_taken, last_used_us, revoked_us) VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11) ON CONFLICT DO NOTHING");
  if (!insert.ok()) return insert.status();
  const absl::Status done = insert->Bind(row.id)
                                .BindBytes(row.secret_sha256)
                                .Bind(row.ns)
                                .Bind(row.service_account)
                                .Bind(row.author)
                                .Bind(row.created)
                                .Bind(row.expires)
                                .Bind(int64_t{row.uses_allowed})
                                .Bind(int64_t{row.uses_taken})
                                .Bind(row.last_used)
                                .Bind(row.revoked)
                                .Run();
  if (!done.ok()) return done;
  if (sqlite3_changes(database_.handle()) == 0) {
    return absl::AlreadyExistsError(absl::StrCat("join token ", row.id, ": exists already"));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<TokenRow>> Tokens::Select(std::string_view where, std::string_view id) {
  absl::StatusOr<Statement> select = database_.Prepare(absl::StrCat(
      "SELECT id, secret_sha256, ns, service_account, author, created_us, expires_us, uses_allowed, uses_taken, "
      "last_used_us, revoked_us FROM tokens ",
      std::string(where), " ORDER BY created_us, id"));
  if (!select.ok()) return select.status();
  if (!id.empty()) select->Bind(id);
  std::vector<TokenRow> rows;
  while (true) {
    absl::StatusOr<bool> row = select->Step();
    if (!row.ok()) return row.status();
    if (!*row) return rows;
    rows.push_back(RowOf(*select));
  }
}

absl::StatusOr<TokenRow> Tokens::Find(std::string_view id) {
  if (id.empty()) return NoSuchToken(id);
  std::scoped_lock lock(mutex_);
  absl::StatusOr<std::vector<TokenRow>> rows = Select("WHERE id=?1", id);
  if (!rows.ok()) return rows.status();
  if (rows->empty()) return NoSuchToken(id);
  return rows->front();
}

absl::StatusOr<bool> Tokens::Take(std::string_view id, std::string_view key_sha256, absl::Time now) {
  std::scoped_lock lock(mutex_);
  absl::StatusOr<Transaction> transaction = Transaction::Begin(database_);
  if (!transaction.ok()) return transaction.status();
  absl::StatusOr<std::vector<TokenRow>> rows = Select("WHERE id=?1", id);
  if (!rows.ok()) return rows.status();
  if (rows->empty()) return NoSuchToken(id);

  absl::StatusOr<Statement> remember =
      database_.Prepare("INSERT INTO token_uses(id, key_sha256) VALUES(?1, ?2) ON CONFLICT DO NOTHING");
  if (!remember.ok()) return remember.status();
  if (absl::Status run = remember->Bind(id).BindBytes(key_sha256).Run(); !run.ok()) return run;
  if (sqlite3_changes(database_.handle()) == 0) return true;  // asked before with the same key
  if (rows->front().uses_taken >= rows->front().uses_allowed) return false;

  absl::StatusOr<Statement> count =
      database_.Prepare("UPDATE tokens SET uses_taken=uses_taken+1, last_used_us=?2 WHERE id=?1");
  if (!count.ok()) return count.status();
  if (absl::Status run = count->Bind(id).Bind(now).Run(); !run.ok()) return run;
  if (absl::Status committed = transaction->Commit(); !committed.ok()) return committed;
  return true;
}

absl::Status Tokens::Revoke(std::string_view id, absl::Time now) {
  std::scoped_lock lock(mutex_);
  absl::StatusOr<Statement> revoke =
      database_.Prepare("UPDATE tokens SET revoked_us=coalesce(revoked_us, ?2) WHERE id=?1");
  if (!revoke.ok()) return revoke.status();
  if (absl::Status run = revoke->Bind(id).Bind(now).Run(); !run.ok()) return run;
  return sqlite3_changes(database_.handle()) == 0 ? NoSuchToken(id) : absl::OkStatus();
}

absl::StatusOr<std::vector<TokenRow>> Tokens::List() {
  std::scoped_lock lock(mutex_);
  return Select("", "");
}

absl::StatusOr<int> Tokens::EraseExpired(absl::Time before) {
  std::scoped_lock lock(mutex_);
  absl::StatusOr<Statement> erase = database_.Prepare("DELETE FROM tokens WHERE expires_us < ?1");
  if (!erase.ok()) return erase.status();
  if (absl::Status run = erase->Bind(before).Run(); !run.ok()) return run;
  return sqlite3_changes(database_.handle());
}

}  // namespace weft::control::store
