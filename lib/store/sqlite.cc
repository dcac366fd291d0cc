// SPDX-License-Identifier: Apache-2.0
#include "lib/store/sqlite.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "lib/util/status_macros.h"

namespace btfd::store {

absl::Status SqliteStatus(int result_code, absl::string_view doing) {
  const auto message = [&] {
    return absl::StrCat("store: ", doing, ": ", sqlite3_errstr(result_code),
                        " (SQLite result code ", result_code, ")");
  };
  if (result_code == SQLITE_IOERR_SHORT_READ) {
    return absl::DataLossError(message());  // the file ends too early
  }
  switch (result_code & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
      return absl::OkStatus();
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return absl::DataLossError(message());
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
      return absl::UnavailableError(message());
    case SQLITE_FULL:
    case SQLITE_NOMEM:
    case SQLITE_TOOBIG:
      return absl::ResourceExhaustedError(message());
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
      return absl::PermissionDeniedError(message());
    default:
      return absl::InternalError(message());
  }
}

Query::~Query() {
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

Query& Query::Bind(int parameter, int64_t value) {
  const int rc = sqlite3_bind_int64(statement_, parameter, value);
  if (rc != SQLITE_OK) bind_result_ = rc;
  return *this;
}

Query& Query::BindBlob(int parameter, absl::string_view bytes) {
  // A null pointer would bind NULL: an empty blob needs an address.
  const int rc = sqlite3_bind_blob64(statement_, parameter,
                                     bytes.empty() ? "" : bytes.data(),
                                     bytes.size(), SQLITE_STATIC);
  if (rc != SQLITE_OK) bind_result_ = rc;
  return *this;
}

Query& Query::BindText(int parameter, absl::string_view text) {
  const int rc = sqlite3_bind_text64(statement_, parameter,
                                     text.empty() ? "" : text.data(),
                                     text.size(), SQLITE_STATIC, SQLITE_UTF8);
  if (rc != SQLITE_OK) bind_result_ = rc;
  return *this;
}

absl::StatusOr<bool> Query::Step() {
  RETURN_IF_ERROR(SqliteStatus(bind_result_, "binding a parameter"));
  const int rc = sqlite3_step(statement_);
  if (rc == SQLITE_ROW) return true;
  if (rc == SQLITE_DONE) return false;
  return SqliteStatus(rc, sqlite3_sql(statement_));
}

absl::Status Query::Run() { return Step().status(); }

int64_t Query::Int(int column) const {
  return sqlite3_column_int64(statement_, column);
}

absl::string_view Query::Bytes(int column) const {
  // The bytes are asked for first: that call may convert the value, and with it
  // the length.
  const void* data = sqlite3_column_blob(statement_, column);
  const int size = sqlite3_column_bytes(statement_, column);
  if (data == nullptr) return {};
  return {static_cast<const char*>(data), static_cast<size_t>(size)};
}

absl::StatusOr<std::unique_ptr<Connection>> Connection::Open(
    const std::string& path, int flags, absl::Duration busy_timeout) {
  sqlite3* db = nullptr;
  const int rc = sqlite3_open_v2(path.c_str(), &db, flags, nullptr);
  // Even an open that fails gives a handle, which has to be closed.
  auto connection = std::unique_ptr<Connection>(new Connection(db));
  RETURN_IF_ERROR(SqliteStatus(rc, absl::StrCat("opening ", path)));
  sqlite3_extended_result_codes(db, 1);
  sqlite3_busy_timeout(
      db, static_cast<int>(absl::ToInt64Milliseconds(busy_timeout)));
  // Turns off what a hostile or damaged file could make SQLite run.
  sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  return connection;
}

Connection::~Connection() {
  for (const auto& [sql, statement] : statements_) sqlite3_finalize(statement);
  sqlite3_close(db_);
}

absl::StatusOr<sqlite3_stmt*> Connection::Prepare(const char* sql) {
  sqlite3_stmt*& statement = statements_[sql];
  if (statement == nullptr) {
    const int rc = sqlite3_prepare_v3(db_, sql, -1, SQLITE_PREPARE_PERSISTENT,
                                      &statement, nullptr);
    // Our own literals are correct SQL. So the file has another schema than the
    // one that they were written for.
    if (rc == SQLITE_ERROR) {
      return absl::DataLossError(absl::StrCat(
          "store: the schema is damaged: ", sqlite3_errmsg(db_), ": ", sql));
    }
    RETURN_IF_ERROR(SqliteStatus(rc, sql));
  }
  return statement;
}

absl::Status Connection::Run(const char* sql) {
  ASSIGN_OR_RETURN(sqlite3_stmt * statement, Prepare(sql));
  Query query(statement);
  bool row = true;
  while (row) {
    ASSIGN_OR_RETURN(row, query.Step());
  }
  return absl::OkStatus();
}

absl::StatusOr<int64_t> Connection::RunForInt(const char* sql) {
  ASSIGN_OR_RETURN(sqlite3_stmt * statement, Prepare(sql));
  Query query(statement);
  ASSIGN_OR_RETURN(const bool row, query.Step());
  if (!row) return absl::InternalError(absl::StrCat("store: no row: ", sql));
  return query.Int(0);
}

absl::StatusOr<util::Blob> Connection::ReadBlob(const char* table,
                                                const char* column,
                                                int64_t rowid) {
  const std::string doing =
      absl::StrCat("reading ", table, ".", column, " of row ", rowid);
  sqlite3_blob* handle = nullptr;
  RETURN_IF_ERROR(SqliteStatus(
      sqlite3_blob_open(db_, "main", table, column, rowid, 0, &handle), doing));
  const std::unique_ptr<sqlite3_blob, int (*)(sqlite3_blob*)> owner(
      handle, sqlite3_blob_close);
  const int size = sqlite3_blob_bytes(handle);
  util::Blob blob(size);
  RETURN_IF_ERROR(
      SqliteStatus(sqlite3_blob_read(handle, blob.data(), size, 0), doing));
  return blob;
}

absl::Status Connection::SetMaxPageCount(uint32_t pages) {
  const std::string sql = absl::StrCat("PRAGMA max_page_count=", pages);
  return SqliteStatus(sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr),
                      sql);
}

absl::StatusOr<Transaction> Transaction::Begin(Connection* connection) {
  RETURN_IF_ERROR(connection->Run("BEGIN IMMEDIATE"));
  return Transaction(connection);
}

Transaction::~Transaction() {
  // This fails only where SQLite has already rolled back (disk full, I/O
  // error).
  if (connection_ != nullptr) connection_->Run("ROLLBACK").IgnoreError();
}

absl::Status Transaction::Commit() {
  // If COMMIT fails, the transaction may still be open, and the destructor
  // rolls it back.
  RETURN_IF_ERROR(connection_->Run("COMMIT"));
  connection_ = nullptr;
  return absl::OkStatus();
}

}  // namespace btfd::store
