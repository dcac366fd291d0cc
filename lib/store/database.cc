// SPDX-License-Identifier: Apache-2.0
#include "lib/store/database.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "lib/util/status_macros.h"

namespace btfd::store {

namespace {

// "BTFD": what PRAGMA application_id tells file(1), and us.
constexpr int64_t kApplicationId = 0x42544644;
// Raise it with any change of kSchema or of what a checksum covers. There is no
// migration, since the store is a cache: a file of another version is set
// aside.
constexpr int64_t kSchemaVersion = 3;
constexpr const char* kSetApplicationId = "PRAGMA application_id=1112819268";
constexpr const char* kSetSchemaVersion = "PRAGMA user_version=3";

// The time of a result's last use is in a table of its own. So a use is written
// without touching the pages that hold the value.
constexpr const char* kSchema[] = {
    "CREATE TABLE bases(id INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE,"
    " origin TEXT NOT NULL, types INTEGER NOT NULL,"
    " last_used INTEGER NOT NULL)",
    "CREATE TABLE base_blobs(id INTEGER PRIMARY KEY,"
    " base_id INTEGER NOT NULL, part INTEGER NOT NULL,"
    " version INTEGER NOT NULL, size INTEGER NOT NULL,"
    " checksum BLOB NOT NULL, data BLOB NOT NULL, UNIQUE(base_id, part))",
    "CREATE TABLE file_keys(file TEXT PRIMARY KEY, state TEXT NOT NULL,"
    " sample BLOB NOT NULL, digest BLOB NOT NULL, checksum BLOB NOT NULL,"
    " added INTEGER NOT NULL) WITHOUT ROWID",
    "CREATE INDEX file_keys_by_age ON file_keys(added)",
    "CREATE TABLE results(id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE,"
    " size INTEGER NOT NULL, last_used INTEGER NOT NULL)",
    "CREATE INDEX results_by_use ON results(last_used, size)",
    "CREATE TABLE result_values(id INTEGER PRIMARY KEY,"
    " checksum BLOB NOT NULL, value BLOB NOT NULL)",
    "CREATE TABLE result_requests(id INTEGER PRIMARY KEY,"
    " checksum BLOB NOT NULL, request BLOB NOT NULL)",
    "CREATE TABLE counters(name TEXT PRIMARY KEY, value INTEGER NOT NULL)"
    " WITHOUT ROWID",
    kSetApplicationId,
    kSetSchemaVersion,
};

// One statement for each table, with every column's name. They are prepared
// when a file is opened, so that a damaged schema shows at once and not at the
// first use. They are never run, since that would read whole blobs.
constexpr const char* kSchemaChecks[] = {
    "SELECT id, digest, origin, types, last_used FROM bases",
    "SELECT id, base_id, part, version, size, checksum, data FROM base_blobs",
    "SELECT file, state, sample, digest, checksum, added FROM file_keys",
    "SELECT id, key, size, last_used FROM results",
    "SELECT id, checksum, value FROM result_values",
    "SELECT id, checksum, request FROM result_requests",
    "SELECT name, value FROM counters",
};

// Pages of 16 KB: a blob of 12 MB is read in half the time that pages of 4 KB
// take, and a result rarely needs a second page. `synchronous` is off until the
// schema is written, because a new file holds nothing yet that a power cut
// could destroy.
constexpr const char* kNewFilePragmas[] = {
    "PRAGMA page_size=16384",
    "PRAGMA auto_vacuum=INCREMENTAL",
    "PRAGMA synchronous=OFF",
};

// synchronous=NORMAL: in WAL mode a commit makes no fsync. Only a checkpoint
// does, and checkpoints run on the writer's thread. A power cut loses the last
// commits and leaves a sound file. OFF would save those few fsyncs, but then a
// power cut could damage the file, and the whole cache would be lost.
constexpr const char* kWriterPragmas[] = {
    "PRAGMA synchronous=NORMAL",
    "PRAGMA wal_autocheckpoint=512",       // pages: 8 MB
    "PRAGMA journal_size_limit=67108864",  // bytes, after a base was written
    "PRAGMA temp_store=MEMORY",
};

// Connections that are kept open for later reads. Each has a page cache of up
// to 2 MB.
constexpr size_t kIdleReaders = 4;
// Connections that read at the same time. SQLite closes the descriptor of a
// connection only when no other connection holds a lock on the file, and some
// connection always does. So the process keeps as many descriptors as there
// ever were readers at one time.
constexpr int kMaxReaders = 16;
// A reader waits for another process only while that one recovers or rebuilds
// the file.
constexpr absl::Duration kReaderBusyTimeout = absl::Milliseconds(50);

absl::Status CreateSchema(Connection* connection) {
  ASSIGN_OR_RETURN(Transaction transaction, Transaction::Begin(connection));
  for (const char* sql : kSchema) RETURN_IF_ERROR(connection->Run(sql));
  return transaction.Commit();
}

enum class Content { kNothing, kOurs };

// Only reads, so that the file of another program stays as it was found.
// DataLoss if the file has to be set aside.
absl::StatusOr<Content> Inspect(Connection* connection) {
  ASSIGN_OR_RETURN(const int64_t application,
                   connection->RunForInt("PRAGMA application_id"));
  ASSIGN_OR_RETURN(const int64_t version,
                   connection->RunForInt("PRAGMA user_version"));
  ASSIGN_OR_RETURN(const int64_t objects,
                   connection->RunForInt("SELECT count(*) FROM sqlite_schema"));
  if (application == 0 && version == 0 && objects == 0) {
    return Content::kNothing;
  }
  if (application != kApplicationId) {
    return absl::DataLossError("store: the file is another program's database");
  }
  if (version != kSchemaVersion) {
    return absl::DataLossError(
        absl::StrCat("store: the file has schema version ", version,
                     ", this program works with ", kSchemaVersion));
  }
  for (const char* sql : kSchemaChecks) {
    RETURN_IF_ERROR(connection->Prepare(sql).status());
  }
  // The file was opened for writing, in a directory in which we may write. If
  // it is read-only all the same, its mode forbids writing, or only a newer
  // SQLite can write its format.
  if (connection->read_only()) {
    return absl::DataLossError("store: the file can only be read");
  }
  return Content::kOurs;
}

absl::StatusOr<std::unique_ptr<Connection>> OpenWriter(
    const Database::Options& options) {
  RETURN_IF_ERROR(CreatePrivateFile(options.path));
  ASSIGN_OR_RETURN(std::unique_ptr<Connection> connection,
                   Connection::Open(options.path,
                                    SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
                                    options.busy_timeout));
  ASSIGN_OR_RETURN(const Content content, Inspect(connection.get()));
  if (content == Content::kNothing) {
    for (const char* sql : kNewFilePragmas) {
      RETURN_IF_ERROR(connection->Run(sql));
    }
  }
  RETURN_IF_ERROR(connection->Run(options.rollback_journal
                                      ? "PRAGMA journal_mode=TRUNCATE"
                                      : "PRAGMA journal_mode=WAL"));
  if (content == Content::kNothing) {
    RETURN_IF_ERROR(CreateSchema(connection.get()));
  }
  for (const char* sql : kWriterPragmas) RETURN_IF_ERROR(connection->Run(sql));
  if (options.max_page_count != 0) {
    RETURN_IF_ERROR(connection->SetMaxPageCount(options.max_page_count));
  }
  return connection;
}

absl::Status SetAsideAndTell(const Database::Options& options,
                             absl::string_view why) {
  ASSIGN_OR_RETURN(const std::string aside,
                   SetAside(options.path, absl::Now()));
  if (options.counters != nullptr) {
    options.counters->Add(Counter::kStoreSetAside);
  }
  if (options.log != nullptr) {
    options.log->Warning(absl::StrCat("store: set aside as ", aside,
                                      ", starting anew; reason: ", why));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::shared_ptr<Database>> Database::Open(const Options& options,
                                                         FileIdentity damaged) {
  // The lock is held until the file is sound. A second process that waits for
  // it then finds the new file.
  ASSIGN_OR_RETURN(const FileLock lock, FileLock::Take(options.path + ".lock",
                                                       options.busy_timeout));
  if (damaged.inode != 0 && IdentityOf(options.path) == damaged) {
    RETURN_IF_ERROR(SetAsideAndTell(options, "damage found while in use"));
  }
  auto writer = OpenWriter(options);
  if (absl::IsDataLoss(writer.status())) {
    RETURN_IF_ERROR(SetAsideAndTell(options, writer.status().message()));
    writer = OpenWriter(options);
  }
  RETURN_IF_ERROR(writer.status());
  return std::shared_ptr<Database>(new Database(options, *std::move(writer)));
}

absl::StatusOr<Database::Reader> Database::BorrowReader() {
  {
    const absl::MutexLock lock(&readers_mutex_);
    readers_mutex_.Await(absl::Condition(
        +[](int* lent) { return *lent < kMaxReaders; }, &readers_lent_));
    ++readers_lent_;
    if (!readers_.empty()) {
      std::unique_ptr<Connection> connection = std::move(readers_.back());
      readers_.pop_back();
      return Reader(this, std::move(connection));
    }
  }
  absl::StatusOr<std::unique_ptr<Connection>> connection = Connection::Open(
      options_.path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
      std::min(options_.busy_timeout, kReaderBusyTimeout));
  absl::Status status = connection.status();
  if (status.ok()) status = (*connection)->Run("PRAGMA query_only=1");
  if (status.ok()) return Reader(this, *std::move(connection));
  const absl::MutexLock lock(&readers_mutex_);
  --readers_lent_;
  return status;
}

Database::Reader::~Reader() {
  if (connection_ == nullptr) return;
  const absl::MutexLock lock(&database_->readers_mutex_);
  --database_->readers_lent_;
  if (database_->readers_.size() < kIdleReaders) {
    database_->readers_.push_back(std::move(connection_));
  }
}

}  // namespace btfd::store
