// SPDX-License-Identifier: Apache-2.0
#include "lib/store/session.h"

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "lib/store/bus_error.h"
#include "lib/util/status_macros.h"

namespace btfd::store {

namespace {
// If the disk damages every new file, the daemon must not go on making files.
constexpr int kMaxReplacements = 5;
constexpr absl::Duration kLogPause = absl::Seconds(10);
}  // namespace

absl::Status Session::Open() {
  SurviveBusErrors();
  bus_errors_ = BusErrors();
  auto database = Database::Open(options_);
  const absl::MutexLock lock(&mutex_);
  current_ = std::move(database);
  return current_.status();
}

absl::StatusOr<std::shared_ptr<Database>> Session::Current() const {
  const absl::MutexLock lock(&mutex_);
  return current_;
}

int Session::generation() const {
  const absl::MutexLock lock(&mutex_);
  return generation_;
}

void Session::Report(Counter counter, absl::string_view text) {
  if (options_.counters != nullptr) options_.counters->Add(counter);
  if (options_.log == nullptr) return;
  int not_logged;
  {
    const absl::MutexLock lock(&mutex_);
    const absl::Time now = absl::Now();
    if (now < quiet_until_) {
      ++not_logged_;
      return;
    }
    quiet_until_ = now + kLogPause;
    not_logged = std::exchange(not_logged_, 0);
  }
  options_.log->Warning(
      not_logged == 0
          ? std::string(text)
          : absl::StrCat(text, " (and ", not_logged, " more before)"));
}

void Session::Conclude(const std::shared_ptr<Database>& database,
                       const absl::Status& status) {
  // What was read over a replaced page was checked by its checksums. But what
  // we write to that page does not reach the other processes that use the file.
  const int bus_errors = BusErrors();
  if (bus_errors_.exchange(bus_errors) != bus_errors) {
    Report(Counter::kStoreErrors,
           "store: the index that is shared by processes was cut off");
    Replace(database, /*damaged=*/true);
    return;
  }
  if (status.ok() || absl::IsNotFound(status)) return;
  Report(Counter::kStoreErrors, status.message());
  if (absl::IsDataLoss(status)) {
    Replace(database, /*damaged=*/true);
  } else if (database->gone()) {
    Replace(database, /*damaged=*/false);
  }
}

void Session::CheckStillThere() {
  const auto database = Current();
  if (database.ok() && (*database)->gone()) {
    Replace(*database, /*damaged=*/false);
  }
}

void Session::Replace(const std::shared_ptr<Database>& old, bool damaged) {
  const absl::MutexLock replacing(&replace_mutex_);
  {
    const absl::MutexLock lock(&mutex_);
    // Another thread has replaced it already, or found that it cannot be
    // replaced.
    if (!current_.ok() || *current_ != old) return;
    if (++generation_ > kMaxReplacements) {
      current_ = absl::UnavailableError(absl::StrCat(
          "store: out of use after ", kMaxReplacements, " repairs"));
      return;
    }
  }
  const size_t slash = options_.path.rfind('/');
  const auto open_fresh = [&]() -> absl::StatusOr<std::shared_ptr<Database>> {
    RETURN_IF_ERROR(PrepareDirectory(options_.path.substr(0, slash)));
    return Database::Open(options_, damaged ? old->identity() : FileIdentity());
  };
  auto fresh = open_fresh();
  if (!fresh.ok()) Report(Counter::kStoreErrors, fresh.status().message());
  const absl::MutexLock lock(&mutex_);
  current_ = std::move(fresh);
}

}  // namespace btfd::store
