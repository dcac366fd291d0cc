// SPDX-License-Identifier: Apache-2.0
//
// A circuit breaker: after several failures in a row, callers stop asking a
// server that is slow or gone. While the breaker is open, it refuses calls.
// After a pause it admits one call, the probe. If the probe succeeds, the
// breaker closes. If it fails, the breaker stays open for twice as long. The
// caller passes the time.
#ifndef BTFD_DAEMON_REMOTE_CACHE_BREAKER_H_
#define BTFD_DAEMON_REMOTE_CACHE_BREAKER_H_

#include <cstdint>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace btfd::daemon::remote {

// Thread-safe.
class Breaker {
 public:
  Breaker(uint32_t failures, absl::Duration first_pause,
          absl::Duration longest_pause)
      : failures_to_open_(failures),
        first_pause_(first_pause),
        longest_pause_(longest_pause) {}

  // True if a call may be made. The caller must report its end by Succeeded(),
  // Failed() or Abandoned().
  bool Admits(absl::Time now);
  void Succeeded();
  // Returns true if this failure opened the breaker.
  bool Failed(absl::Time now);
  // The call was cancelled before its result was known.
  void Abandoned();

  bool open() const;

 private:
  const uint32_t failures_to_open_;
  const absl::Duration first_pause_;
  const absl::Duration longest_pause_;

  mutable absl::Mutex mutex_;
  uint32_t failures_ ABSL_GUARDED_BY(mutex_) = 0;  // in a row
  bool open_ ABSL_GUARDED_BY(mutex_) = false;
  bool probing_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Duration pause_ ABSL_GUARDED_BY(mutex_);
  absl::Time probe_at_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace btfd::daemon::remote

#endif  // BTFD_DAEMON_REMOTE_CACHE_BREAKER_H_
