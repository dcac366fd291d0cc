// SPDX-License-Identifier: Apache-2.0
//
// SQLite's C interface with owners for its handles and its result codes as
// absl::Status (see store.h for which means what). Statements are prepared
// from literals only and kept by their connection. A connection is used by one
// thread at a time. Source: https://www.sqlite.org/c3ref/intro.html
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

// One execution of a prepared statement; resets it when it goes. Columns and
// parameters count as SQLite counts them: columns from 0, parameters from 1.
// What is bound must live until the last Step().
class Query {
 public:
  explicit Query(sqlite3_stmt* statement) : statement_(statement) {}
  ~Query();
  Query(const Query&) = delete;
  Query& operator=(const Query&) = delete;

  Query& Bind(int parameter, int64_t value);
  Query& BindBlob(int parameter, absl::string_view bytes);
  Query& BindText(int parameter, absl::string_view text);

  // True if there is a row. After an error there is none.
  absl::StatusOr<bool> Step();
  // For a statement that gives no rows.
  absl::Status Run();

  int64_t Int(int column) const;
  // Valid until the next Step(). Also for text.
  absl::string_view Bytes(int column) const;

 private:
  sqlite3_stmt* const statement_;
  int bind_result_ = SQLITE_OK;
};

class Connection {
 public:
  // `flags` of sqlite3_open_v2. The busy timeout holds for all statements.
  static absl::StatusOr<std::unique_ptr<Connection>> Open(
      const std::string& path, int flags, absl::Duration busy_timeout);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // `sql` is a literal: the connection keeps the prepared statement under its
  // address. One Query per statement at a time.
  absl::StatusOr<sqlite3_stmt*> Prepare(const char* sql);
  // Run a statement without parameters; rows are passed over, or the first
  // column of the first one returned.
  absl::Status Run(const char* sql);
  absl::StatusOr<int64_t> RunForInt(const char* sql);

  // Reads a whole BLOB straight into memory of its own.
  absl::StatusOr<util::Blob> ReadBlob(const char* table, const char* column,
                                      int64_t rowid);

  // PRAGMA max_page_count, which takes no parameter.
  absl::Status SetMaxPageCount(uint32_t pages);

  // Known once something was read.
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
  Connection* connection_;  // null: over
};

}  // namespace btfd::store

#endif  // BTFD_LIB_STORE_SQLITE_H_
