// SPDX-License-Identifier: Apache-2.0
#include "daemon/work.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "daemon/outcome.h"

namespace btfd::daemon {

namespace {

// How long to wait for room where the caller set no deadline.
constexpr absl::Duration kDefaultPatience = absl::Seconds(10);
// The answer "busy" has to travel before the deadline strikes.
constexpr absl::Duration kAnswerTime = absl::Milliseconds(50);
// gRPC does not wake us when a call is cancelled while we wait.
constexpr absl::Duration kCancelPoll = absl::Milliseconds(20);

}  // namespace

bool Work::HasRoom(uint64_t bytes) const {
  if (requests_ == 0) return true;
  return requests_ < max_requests_ && bytes_ <= max_bytes_ &&
         bytes <= max_bytes_ - bytes_;
}

absl::StatusOr<Work::Ticket> Work::Enter(uint64_t bytes,
                                         const Patience& patience) {
  const auto decided = [this, bytes]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return draining_ || HasRoom(bytes);
  };
  absl::MutexLock lock(&mutex_);
  if (!decided()) {
    const absl::Time give_up = std::min(patience.deadline - kAnswerTime,
                                        absl::Now() + kDefaultPatience);
    while (!mutex_.AwaitWithDeadline(
        absl::Condition(&decided),
        std::min(give_up, absl::Now() + kCancelPoll))) {
      if (patience.IsCancelled()) {
        return OutcomeError(v1::CANCELLED, "given up by the client");
      }
      if (absl::Now() >= give_up) {
        return OutcomeError(
            v1::BUSY, absl::StrCat("no room: ", requests_, " requests with ",
                                   bytes_, " bytes are in flight"));
      }
    }
  }
  if (draining_) return OutcomeError(v1::DRAINING, "the daemon is stopping");
  ++requests_;
  bytes_ += bytes;
  return Ticket(this, bytes);
}

void Work::Leave(uint64_t bytes) {
  absl::MutexLock lock(&mutex_);
  --requests_;
  bytes_ -= bytes;
  last_use_ = absl::Now();
}

void Work::Touch() {
  absl::MutexLock lock(&mutex_);
  last_use_ = absl::Now();
}

void Work::StartDrain() {
  absl::MutexLock lock(&mutex_);
  draining_ = true;
}

bool Work::draining() const {
  absl::ReaderMutexLock lock(&mutex_);
  return draining_;
}

bool Work::WaitUntilIdle(absl::Duration limit) {
  const auto idle = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return requests_ == 0;
  };
  absl::MutexLock lock(&mutex_);
  return mutex_.AwaitWithTimeout(absl::Condition(&idle), limit);
}

uint32_t Work::in_flight() const {
  absl::ReaderMutexLock lock(&mutex_);
  return requests_;
}

absl::Time Work::idle_since() const {
  absl::ReaderMutexLock lock(&mutex_);
  return requests_ == 0 ? last_use_ : absl::InfiniteFuture();
}

Workspaces::Workspaces(uint32_t count) {
  for (uint32_t i = 0; i < count; ++i) {
    free_.push_back(std::make_unique<util::Arena>());
  }
}

Workspaces::Loan Workspaces::Borrow() {
  const auto available = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return !free_.empty();
  };
  absl::MutexLock lock(&mutex_, absl::Condition(&available));
  // The last one returned is the warmest.
  std::unique_ptr<util::Arena> arena = std::move(free_.back());
  free_.pop_back();
  return Loan(this, std::move(arena));
}

void Workspaces::Return(std::unique_ptr<util::Arena> arena) {
  arena->Reset();
  absl::MutexLock lock(&mutex_);
  free_.push_back(std::move(arena));
}

}  // namespace btfd::daemon
