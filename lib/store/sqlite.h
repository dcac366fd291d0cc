// SPDX-License-Identifier: Apache-2.0
//
// Owners for the handles of SQLite's C interface, with its result codes as
// absl::Status (store.h says which means what). Each SQL statement is a
// literal. Its connection prepares it once and keeps it. One thread at a time
// uses a connection. Source: https://www.sqlite.org/c3ref/intro.html
#ifndef BTFD_LIB_STORE_SQLITE_H_
#define BTFD_LIB_STORE_SQLITE_H_

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "lib/util/blob.h"

namespace btfd::store {

// OK for SQLITE_OK, SQLITE_ROW and SQLITE_DONE.
absl::Status SqliteStatus(int result_code, absl::string_view doing);

// One execution of a prepared statement; the destructor resets the statement.
// Columns and parameters are numbered as in SQLite: columns from 0, parameters
// from 1. Bytes that are bound must live until the last Step().
class Query {
 public:
  explicit Query(sqlite3_stmt* statement) : statement_(statement) {}
  ~Query();
  Query(const Query&) = delete;
  Query& operator=(const Query&) = delete;

  Query& Bind(int parameter, int64_t value);
  Query& BindBlob(int parameter, absl::string_view bytes);
  Query& BindText(int parameter, absl::string_view text);

  // True if there is a row. After an error there are no more rows.
  absl::StatusOr<bool> Step();
  // Runs a statement that gives no rows.
  absl::Status Run();

  int64_t Int(int column) const;
  // The bytes of a BLOB or text column; valid until the next Step().
  absl::string_view Bytes(int column) const;

 private:
  sqlite3_stmt* const statement_;
  int bind_result_ = SQLITE_OK;
};

class Connection {
 public:
  // `flags` are those of sqlite3_open_v2(). The busy timeout holds for all
  // statements.
  static absl::StatusOr<std::unique_ptr<Connection>> Open(
      const std::string& path, int flags, absl::Duration busy_timeout);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // `sql` must be a literal, because the connection finds the prepared
  // statement by the literal's address. A statement has one Query at a time.
  absl::StatusOr<sqlite3_stmt*> Prepare(const char* sql);
  // Both run a statement without parameters. Run() ignores its rows;
  // RunForInt() returns the first column of the first row.
  absl::Status Run(const char* sql);
  absl::StatusOr<int64_t> RunForInt(const char* sql);

  // Reads a whole BLOB into memory of its own, without a copy in between.
  absl::StatusOr<util::Blob> ReadBlob(const char* table, const char* column,
                                      int64_t rowid);

  // Sets PRAGMA max_page_count, which cannot have a bound parameter.
  absl::Status SetMaxPageCount(uint32_t pages);

  // Meaningful only after something was read.
  bool read_only() const { return sqlite3_db_readonly(db_, "main") != 0; }
  int changes() const { return sqlite3_changes(db_); }

 private:
  explicit Connection(sqlite3* db) : db_(db) {}

  sqlite3* const db_;
  absl::flat_hash_map<const char*, sqlite3_stmt*> statements_;
};

// A write transaction; rolled back unless committed.
class Transaction {
 public:
  static absl::StatusOr<Transaction> Begin(Connection* connection);
  Transaction(Transaction&& other) noexcept : connection_(other.connection_) {
    other.connection_ = nullptr;
  }
  ~Transaction();
  absl::Status Commit();

 private:
  explicit Transaction(Connection* connection) : connection_(connection) {}
  Connection* connection_;  // null once it has ended
};

}  // namespace btfd::store

#endif  // BTFD_LIB_STORE_SQLITE_H_
