// SPDX-License-Identifier: Apache-2.0
//
// Database is one open database file: its schema, the one connection that
// writes and the connections that read. Open() sets aside a file that it finds
// damaged. Damage that shows later is the business of session.h.
#ifndef BTFD_LIB_STORE_DATABASE_H_
#define BTFD_LIB_STORE_DATABASE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "lib/store/counters.h"
#include "lib/store/files.h"
#include "lib/store/sqlite.h"
#include "lib/util/log.h"

namespace btfd::store {

// Thread-safe.
class Database {
 public:
  struct Options {
    std::string path;
    absl::Duration busy_timeout;
    bool rollback_journal = false;  // instead of WAL
    uint32_t max_page_count = 0;    // 0: no limit
    util::Log* log = nullptr;
    Counters* counters = nullptr;
  };

  // Opens the file, or makes it; its directory must exist. A file that is
  // damaged, that is not ours or that has another schema version is set aside
  // first. So is the file that `damaged` names, if `path` still leads to it.
  static absl::StatusOr<std::shared_ptr<Database>> Open(
      const Options& options, FileIdentity damaged = {});

  // The connection that writes. A caller holds writer_mutex() while it uses it.
  absl::Mutex& writer_mutex() ABSL_LOCK_RETURNED(writer_mutex_) {
    return writer_mutex_;
  }
  Connection* writer() ABSL_EXCLUSIVE_LOCKS_REQUIRED(writer_mutex_) {
    return writer_.get();
  }

  // A connection that reads. Only its borrower uses it. The destructor gives it
  // back, so the database must outlive the Reader.
  class Reader {
   public:
    Reader(Database* database, std::unique_ptr<Connection> connection)
        : database_(database), connection_(std::move(connection)) {}
    Reader(Reader&&) = default;
    ~Reader();
    Connection* get() { return connection_.get(); }

   private:
    Database* database_;
    std::unique_ptr<Connection> connection_;
  };
  // Waits while too many connections are lent. A thread that holds a Reader
  // must not borrow another one.
  absl::StatusOr<Reader> BorrowReader();

  // True if the path no longer names this file, because somebody removed or
  // replaced it.
  bool gone() const { return !(IdentityOf(options_.path) == identity_); }
  FileIdentity identity() const { return identity_; }

 private:
  Database(const Options& options, std::unique_ptr<Connection> writer)
      : options_(options),
        identity_(IdentityOf(options.path)),
        writer_(std::move(writer)) {}

  const Options options_;
  const FileIdentity identity_;

  absl::Mutex writer_mutex_;
  const std::unique_ptr<Connection> writer_ ABSL_PT_GUARDED_BY(writer_mutex_);

  absl::Mutex readers_mutex_;
  std::vector<std::unique_ptr<Connection>> readers_
      ABSL_GUARDED_BY(readers_mutex_);
  int readers_lent_ ABSL_GUARDED_BY(readers_mutex_) = 0;
};

}  // namespace btfd::store

#endif  // BTFD_LIB_STORE_DATABASE_H_
