// SPDX-License-Identifier: Apache-2.0
#include "daemon/finalize/admission.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "lib/util/status_macros.h"
#include "lib/wire/outcome.h"

namespace btfd::daemon {

namespace {

// How long a request waits for room. The client repeats its request some times
// before it works by itself; all these waits together must be bearable.
constexpr absl::Duration kRoomWait = absl::Seconds(2);
// The answer BUSY must reach the client before its deadline.
constexpr absl::Duration kAnswerTime = absl::Milliseconds(50);
// gRPC does not wake a waiting thread when its call is cancelled.
constexpr absl::Duration kCancelPoll = absl::Milliseconds(20);

}  // namespace

bool AdmissionControl::HasRoom(uint32_t requests, uint64_t bytes) const {
  const uint32_t others = requests > 0 ? requests_ : requests_ - 1;
  if (others == 0) return true;
  return requests_ + requests <= max_requests_ && bytes_ <= max_bytes_ &&
         bytes <= max_bytes_ - bytes_;
}

absl::Status AdmissionControl::WaitForRoom(
    uint32_t requests, uint64_t bytes,
    const util::CallDeadline& call_deadline) {
  const auto decided = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return draining_ || HasRoom(requests, bytes);
  };
  if (decided()) return absl::OkStatus();
  const auto busy =
      [this](absl::string_view why) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
        return wire::OutcomeError(
            v1::BUSY,
            absl::StrCat("no room", why, ": ", requests_, " requests with ",
                         bytes_, " bytes are in flight"));
      };
  // A waiting request holds its bytes, too. If only one waits, it may have any
  // size.
  if (waiting_ > 0 &&
      (waiting_ >= max_requests_ || waiting_bytes_ >= max_bytes_ ||
       bytes > max_bytes_ - waiting_bytes_)) {
    return busy(absl::StrCat(", and ", waiting_, " wait"));
  }
  ++waiting_;
  waiting_bytes_ += bytes;
  const absl::Time give_up =
      std::min(call_deadline.time - kAnswerTime, absl::Now() + kRoomWait);
  absl::Status status;
  while (status.ok() && !mutex_.AwaitWithDeadline(
                            absl::Condition(&decided),
                            std::min(give_up, absl::Now() + kCancelPoll))) {
    if (call_deadline.IsCancelled()) {
      status = wire::OutcomeError(v1::CANCELLED, "given up by the client");
    } else if (absl::Now() >= give_up) {
      status = busy("");
    }
  }
  --waiting_;
  waiting_bytes_ -= bytes;
  return status;
}

absl::Status AdmissionControl::Await(uint32_t requests, uint64_t bytes,
                                     const util::CallDeadline& call_deadline) {
  absl::MutexLock lock(&mutex_);
  RETURN_IF_ERROR(WaitForRoom(requests, bytes, call_deadline));
  // Requests that have begun may grow until they end.
  if (draining_ && requests > 0) {
    return wire::OutcomeError(v1::DRAINING, "the daemon is stopping");
  }
  requests_ += requests;
  bytes_ += bytes;
  return absl::OkStatus();
}

absl::StatusOr<AdmissionControl::Ticket> AdmissionControl::Enter(
    uint64_t bytes, const util::CallDeadline& call_deadline) {
  RETURN_IF_ERROR(Await(1, bytes, call_deadline));
  return Ticket(this, bytes);
}

absl::Status AdmissionControl::Ticket::Grow(
    uint64_t bytes, const util::CallDeadline& call_deadline) {
  RETURN_IF_ERROR(admission_->Await(0, bytes, call_deadline));
  bytes_ += bytes;
  return absl::OkStatus();
}

void AdmissionControl::Leave(uint64_t bytes) {
  absl::MutexLock lock(&mutex_);
  --requests_;
  bytes_ -= bytes;
  last_use_ = absl::Now();
}

void AdmissionControl::Touch() {
  absl::MutexLock lock(&mutex_);
  last_use_ = absl::Now();
}

void AdmissionControl::StartDrain() {
  absl::MutexLock lock(&mutex_);
  draining_ = true;
}

bool AdmissionControl::draining() const {
  absl::ReaderMutexLock lock(&mutex_);
  return draining_;
}

bool AdmissionControl::WaitUntilIdle(absl::Duration limit) {
  const auto idle = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return requests_ == 0;
  };
  absl::MutexLock lock(&mutex_);
  return mutex_.AwaitWithTimeout(absl::Condition(&idle), limit);
}

uint32_t AdmissionControl::in_flight() const {
  absl::ReaderMutexLock lock(&mutex_);
  return requests_;
}

absl::Time AdmissionControl::idle_since() const {
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
  // The arena that was returned last is most likely still in the processor's
  // cache.
  std::unique_ptr<util::Arena> arena = std::move(free_.back());
  free_.pop_back();
  return Loan(this, std::move(arena));
}

void Workspaces::GiveBack() {
  absl::MutexLock lock(&mutex_);
  for (const std::unique_ptr<util::Arena>& arena : free_) arena->GiveBack();
}

void Workspaces::Return(std::unique_ptr<util::Arena> arena) {
  arena->Reset();
  absl::MutexLock lock(&mutex_);
  free_.push_back(std::move(arena));
}

}  // namespace btfd::daemon
