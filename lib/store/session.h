// SPDX-License-Identifier: Apache-2.0
//
// The database as the calls of Store see it. Every operation runs through
// Read() or Write(), which count and log its error. If the database proves
// damaged, or if somebody removed it, they also put a new one in its place. The
// old one is closed when its last operation ends.
#ifndef BTFD_LIB_STORE_SESSION_H_
#define BTFD_LIB_STORE_SESSION_H_

#include <atomic>
#include <memory>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "lib/store/database.h"

namespace btfd::store {

// Thread-safe.
class Session {
 public:
  explicit Session(Database::Options options) : options_(std::move(options)) {}

  // Must be called before any other method.
  absl::Status Open();

  // Run f(Connection*), which returns a Status or a StatusOr. Read() gives it a
  // connection that may run beside others; only one Write() runs at a time.
  // NotFound is an ordinary answer. Any other error counts as trouble of the
  // store.
  template <typename F>
  auto Read(F f) -> decltype(f(static_cast<Connection*>(nullptr))) {
    const auto database = Current();
    if (!database.ok()) return database.status();
    auto reader = (*database)->BorrowReader();
    if (!reader.ok()) {
      Conclude(*database, reader.status());
      return reader.status();
    }
    auto result = f(reader->get());
    Conclude(*database, StatusOf(result));
    return result;
  }
  template <typename F>
  auto Write(F f) -> decltype(f(static_cast<Connection*>(nullptr))) {
    const auto database = Current();
    if (!database.ok()) return database.status();
    auto result = WriteLocked(database->get(), f);
    Conclude(*database, StatusOf(result));
    return result;
  }

  // Makes a new database if somebody removed or replaced our file. Costs one
  // stat(2).
  void CheckStillThere();
  // How many times a new database has replaced an old one.
  int generation() const;
  // Counts one event and logs `text`, but at most one line in ten seconds. The
  // next line says how many were left out.
  void Report(Counter counter, absl::string_view text);

 private:
  template <typename F>
  static auto WriteLocked(Database* database, F f) {
    const absl::MutexLock lock(&database->writer_mutex());
    return f(database->writer());
  }
  static const absl::Status& StatusOf(const absl::Status& status) {
    return status;
  }
  template <typename T>
  static const absl::Status& StatusOf(const absl::StatusOr<T>& value) {
    return value.status();
  }

  absl::StatusOr<std::shared_ptr<Database>> Current() const;
  void Conclude(const std::shared_ptr<Database>& database,
                const absl::Status& status);
  void Replace(const std::shared_ptr<Database>& old, bool damaged);

  const Database::Options options_;
  std::atomic<int> bus_errors_{0};  // those that Conclude() has handled

  absl::Mutex replace_mutex_;  // one replacement at a time
  mutable absl::Mutex mutex_ ABSL_ACQUIRED_AFTER(replace_mutex_);
  // The open database, or the reason why there is none any more.
  absl::StatusOr<std::shared_ptr<Database>> current_ ABSL_GUARDED_BY(mutex_) =
      absl::UnavailableError("store: not open");
  int generation_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Time quiet_until_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  int not_logged_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace btfd::store

#endif  // BTFD_LIB_STORE_SESSION_H_
