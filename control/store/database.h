// SQLite behind absl::Status: one connection and its statements. INTERNAL to control/store. A Database is used by one
// thread at a time (its owner holds a mutex). Nothing throws; every failure names the file and what SQLite said.
#ifndef WEFT_CONTROL_STORE_DATABASE_H_
#define WEFT_CONTROL_STORE_DATABASE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

struct sqlite3;
struct sqlite3_stmt;

namespace weft::control::store {

class Database;

// A prepared statement: bind, step, read. Parameters count from 1, columns from 0.
class Statement {
 public:
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&&) = delete;
  ~Statement();

  Statement& Bind(int64_t value);
  Statement& Bind(std::string_view text);
  Statement& BindBytes(std::string_view bytes);
  Statement& BindNull();
  // Microseconds since 1970; infinite ones as NULL.
  Statement& Bind(absl::Time time);

  // True: a row is there. False: done.
  absl::StatusOr<bool> Step();
  // Ready to be bound and run again.
  void Reset();
  // For statements that give no rows.
  absl::Status Run();

  int64_t Int(int column) const;
  std::string Text(int column) const;  // bytes too
  bool IsNull(int column) const;
  absl::Time TimeOr(int column, absl::Time when_null) const;

 private:
  friend class Database;
  Statement(Database& database, sqlite3_stmt* statement) : database_(database), statement_(statement) {}

  Database& database_;
  sqlite3_stmt* statement_;
  int bound_ = 0;
  int bind_error_ = 0;
};

class Database {
 public:
  // Creates the file (0600) when it is not there. Waits up to `busy` for locks of other processes.
  static absl::StatusOr<std::unique_ptr<Database>> Open(const std::string& path, bool create, absl::Duration busy);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  absl::StatusOr<Statement> Prepare(std::string_view sql);
  // Several statements without parameters or rows.
  absl::Status Execute(const std::string& sql);
  // The first column of the first row; 0 when there is none.
  absl::StatusOr<int64_t> ReadNumber(std::string_view sql);
  absl::StatusOr<std::string> ReadText(std::string_view sql);

  // What `code` means to a caller:
  //   full disk ResourceExhausted · busy, locked, I/O error Unavailable · not a database, damaged DataLoss ·
  //   read-only, cannot open, no rights FailedPrecondition · anything else Internal
  absl::Status Failure(int code, std::string_view doing) const;
  const std::string& path() const { return path_; }
  sqlite3* handle() const { return handle_; }

 private:
  Database(std::string path, sqlite3* handle) : path_(std::move(path)), handle_(handle) {}

  const std::string path_;
  sqlite3* handle_;
};

// BEGIN IMMEDIATE; rolls back when it is destroyed before Commit.
class Transaction {
 public:
  static absl::StatusOr<Transaction> Begin(Database& database);
  Transaction(Transaction&& other) noexcept : database_(other.database_) { other.database_ = nullptr; }
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();

  absl::Status Commit();

 private:
  explicit Transaction(Database* database) : database_(database) {}
  Database* database_;  // null: over
};

}  // namespace weft::control::store

#endif  // WEFT_CONTROL_STORE_DATABASE_H_
