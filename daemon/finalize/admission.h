// SPDX-License-Identifier: Apache-2.0
//
// How much the daemon takes on at once. There are two bounds, one behind the
// other. AdmissionControl bounds the requests and bytes in flight, so that the
// daemon's memory is bounded whatever arrives. Workspaces bound how many of
// these requests compute at the same time: one for each thread. A request that
// waits for admission holds its bytes as well; therefore only as many requests
// and bytes may wait as may be in flight, and the next request is told BUSY at
// once. AdmissionControl also knows when nothing is in flight, which ends the
// drain and starts the time until the idle exit.
#ifndef BTFD_DAEMON_FINALIZE_ADMISSION_H_
#define BTFD_DAEMON_FINALIZE_ADMISSION_H_

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "lib/util/arena.h"
#include "lib/util/call_deadline.h"

namespace btfd::daemon {

// Thread-safe. Must outlive its tickets.
class AdmissionControl {
 public:
  // One request in flight, from Enter() until the ticket is destroyed.
  class Ticket {
   public:
    Ticket(Ticket&& other) noexcept
        : admission_(std::exchange(other.admission_, nullptr)),
          bytes_(other.bytes_) {}
    Ticket& operator=(Ticket&&) = delete;
    ~Ticket() {
      if (admission_ != nullptr) admission_->Leave(bytes_);
    }
    // Admits more bytes for the same request, by the rules of Enter().
    absl::Status Grow(uint64_t bytes, const util::CallDeadline& call_deadline);

   private:
    friend class AdmissionControl;
    Ticket(AdmissionControl* admission, uint64_t bytes)
        : admission_(admission), bytes_(bytes) {}
    AdmissionControl* admission_;
    uint64_t bytes_;
  };

  AdmissionControl(uint32_t max_requests, uint64_t max_bytes)
      : max_requests_(max_requests), max_bytes_(max_bytes) {}

  // Waits for room. If nothing is in flight, a request of any size is admitted.
  // Errors carry an outcome: DRAINING; CANCELLED; or BUSY if there was no room
  // within two seconds or until shortly before the deadline, or if too many
  // requests wait already.
  absl::StatusOr<Ticket> Enter(uint64_t bytes,
                               const util::CallDeadline& call_deadline);

  // Notes that the daemon was used, which starts the idle time anew.
  void Touch();

  // From now on no request is admitted.
  void StartDrain();
  bool draining() const;
  // True once nothing is in flight; false if that takes longer.
  bool WaitUntilIdle(absl::Duration limit);

  uint32_t in_flight() const;
  uint64_t max_bytes() const { return max_bytes_; }
  // The time since which nothing has been in flight; infinite future if
  // something is.
  absl::Time idle_since() const;

 private:
  // True if `requests` more requests with `bytes` bytes fit. `requests` is 0 if
  // a request that is in flight grows.
  bool HasRoom(uint32_t requests, uint64_t bytes) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Waits until they fit, and counts them as in flight.
  absl::Status Await(uint32_t requests, uint64_t bytes,
                     const util::CallDeadline& call_deadline);
  absl::Status WaitForRoom(uint32_t requests, uint64_t bytes,
                           const util::CallDeadline& call_deadline)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Leave(uint64_t bytes);

  const uint32_t max_requests_;
  const uint64_t max_bytes_;

  mutable absl::Mutex mutex_;
  bool draining_ ABSL_GUARDED_BY(mutex_) = false;
  uint32_t requests_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  uint32_t waiting_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t waiting_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Time last_use_ ABSL_GUARDED_BY(mutex_) = absl::Now();
};

// A fixed number of arenas, each used by one computation at a time and reset
// when that ends. Thread-safe; outlives its loans.
class Workspaces {
 public:
  class Loan {
   public:
    Loan(Loan&& other) noexcept
        : owner_(other.owner_), arena_(std::move(other.arena_)) {}
    Loan& operator=(Loan&&) = delete;
    ~Loan() {
      if (arena_ != nullptr) owner_->Return(std::move(arena_));
    }
    util::Arena* arena() const { return arena_.get(); }

   private:
    friend class Workspaces;
    Loan(Workspaces* owner, std::unique_ptr<util::Arena> arena)
        : owner_(owner), arena_(std::move(arena)) {}
    Workspaces* owner_;
    std::unique_ptr<util::Arena> arena_;
  };

  explicit Workspaces(uint32_t count);

  // Waits for a free arena. Computations are short and admitted, so the wait is
  // short, too.
  Loan Borrow();

  // Gives the memory of arenas that nobody uses back to the system.
  void GiveBack();

 private:
  void Return(std::unique_ptr<util::Arena> arena);

  absl::Mutex mutex_;
  std::vector<std::unique_ptr<util::Arena>> free_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace btfd::daemon

#endif  // BTFD_DAEMON_FINALIZE_ADMISSION_H_
