#include "control/store/database.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"

namespace weft::control::store {
namespace {

// SQLite would make the file by the umask; nobody else may read what is in it.
absl::Status CreatePrivately(const std::string& path) {
  const int file = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0) {
    const int error = errno;
    return absl::FailedPreconditionError(absl::StrCat(path, ": cannot be opened for writing: ", std::strerror(error)));
  }
  close(file);
  return absl::OkStatus();
}

}  // namespace

Statement::Statement(Statement&& other) noexcept
    : database_(other.database_),
      statement_(std::exchange(other.statement_, nullptr)),
      bound_(other.bound_),
      bind_error_(other.bind_error_) {}

Statement::~Statement() { sqlite3_finalize(statement_); }

Statement& Statement::Bind(int64_t value) {
  const int code = sqlite3_bind_int64(statement_, ++bound_, value);
  if (code != SQLITE_OK) bind_error_ = code;
  return *this;
}

Statement& Statement::Bind(std::string_view text) {
  const int code = sqlite3_bind_text64(statement_, ++bound_, text.data() == nullptr ? "" : text.data(), text.size(),
                                       SQLITE_TRANSIENT, SQLITE_UTF8);
  if (code != SQLITE_OK) bind_error_ = code;
  return *this;
}

Statement& Statement::BindBytes(std::string_view bytes) {
  const int code = sqlite3_bind_blob64(statement_, ++bound_, bytes.data() == nullptr ? "" : bytes.data(), bytes.size(),
                                       SQLITE_TRANSIENT);
  if (code != SQLITE_OK) bind_error_ = code;
  return *this;
}

Statement& Statement::BindNull() {
  sqlite3_bind_null(statement_, ++bound_);
  return *this;
}

Statement& Statement::Bind(absl::Time time) {
  if (time == absl::InfiniteFuture() || time == absl::InfinitePast()) return BindNull();
  return Bind(absl::ToUnixMicros(time));
}

absl::StatusOr<bool> Statement::Step() {
  if (bind_error_ != 0) return database_.Failure(bind_error_, "bind");
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return database_.Failure(code, sqlite3_stmt_readonly(statement_) != 0 ? "read" : "write");
}

void Statement::Reset() {
  sqlite3_reset(statement_);
  bound_ = 0;
  bind_error_ = 0;
}

absl::Status Statement::Run() {
  absl::StatusOr<bool> row = Step();
  while (row.ok() && *row) row = Step();
  return row.status();
}

int64_t Statement::Int(int column) const { return sqlite3_column_int64(statement_, column); }

std::string Statement::Text(int column) const {
  const void* bytes = sqlite3_column_blob(statement_, column);
  const int size = sqlite3_column_bytes(statement_, column);
  return bytes == nullptr ? std::string() : std::string(static_cast<const char*>(bytes), static_cast<size_t>(size));
}

bool Statement::IsNull(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }

absl::Time Statement::TimeOr(int column, absl::Time when_null) const {
  return IsNull(column) ? when_null : absl::FromUnixMicros(Int(column));
}

absl::StatusOr<std::unique_ptr<Database>> Database::Open(const std::string& path, bool create, absl::Duration busy) {
  if (create) {
    if (absl::Status made = CreatePrivately(path); !made.ok()) return made;
  }
  sqlite3* handle = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
  std::unique_ptr<Database> database(new Database(path, handle));
  if (code != SQLITE_OK) return database->Failure(code, "open");
  sqlite3_extended_result_codes(handle, 1);
  sqlite3_busy_timeout(handle, static_cast<int>(absl::ToInt64Milliseconds(busy)));
  return database;
}

Database::~Database() { sqlite3_close_v2(handle_); }

absl::StatusOr<Statement> Database::Prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v2(handle_, sql.data(), static_cast<int>(sql.size()), &statement, nullptr);
  if (code != SQLITE_OK) return Failure(code, "prepare");
  return Statement(*this, statement);
}

absl::Status Database::Execute(const std::string& sql) {
  const int code = sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr);
  return code == SQLITE_OK ? absl::OkStatus() : Failure(code, "execute");
}

absl::StatusOr<int64_t> Database::ReadNumber(std::string_view sql) {
  absl::StatusOr<Statement> statement = Prepare(sql);
  if (!statement.ok()) return statement.status();
  absl::StatusOr<bool> row = statement->Step();
  if (!row.ok()) return row.status();
  return *row ? statement->Int(0) : 0;
}

absl::StatusOr<std::string> Database::ReadText(std::string_view sql) {
  absl::StatusOr<Statement> statement = Prepare(sql);
  if (!statement.ok()) return statement.status();
  absl::StatusOr<bool> row = statement->Step();
  if (!row.ok()) return row.status();
  return *row ? statement->Text(0) : std::string();
}

absl::Status Database::Failure(int code, std::string_view doing) const {
  const std::string said = handle_ == nullptr ? sqlite3_errstr(code) : sqlite3_errmsg(handle_);
  const std::string what = absl::StrCat(path_, ": ", std::string(doing), ": ", said);
  switch (code & 0xff) {
    case SQLITE_FULL:
      return absl::ResourceExhaustedError(
          absl::StrCat(what, "; nothing was changed: make room on the disk, then try again"));
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return absl::UnavailableError(absl::StrCat(what, "; another process holds the file"));
    case SQLITE_IOERR:
    case SQLITE_NOMEM: return absl::UnavailableError(absl::StrCat(what, " (", sqlite3_errstr(code), ")"));
    case SQLITE_NOTADB:
      return absl::DataLossError(
          absl::StrCat(what, "; it is no store of weft-control: restore a backup, or move it away"));
    case SQLITE_CORRUPT:
      return absl::DataLossError(absl::StrCat(what, "; the store is damaged: restore a backup, or move it away"));
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return absl::FailedPreconditionError(absl::StrCat(what, "; weft-control must be able to write there"));
    default: return absl::InternalError(absl::StrCat(what, " (", code, ")"));
  }
}

absl::StatusOr<Transaction> Transaction::Begin(Database& database) {
  if (absl::Status begun = database.Execute("BEGIN IMMEDIATE"); !begun.ok()) return begun;
  return Transaction(&database);
}

Transaction::~Transaction() {
  // Some errors (a full disk) have rolled back already; then there is nothing left to do.
  if (database_ != nullptr && sqlite3_get_autocommit(database_->handle()) == 0) {
    database_->Execute("ROLLBACK").IgnoreError();
  }
}

absl::Status Transaction::Commit() {
  absl::Status committed = database_->Execute("COMMIT");
  if (committed.ok()) database_ = nullptr;
  return committed;
}

}  // namespace weft::control::store
