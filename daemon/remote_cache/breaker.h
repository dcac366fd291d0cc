// SPDX-License-Identifier: Apache-2.0
//
// A circuit breaker: after a row of failures nobody is made to wait for a
// server that is slow or gone. Open, it turns every call away; after a pause it
// lets one through to see, and its end decides: closed again, or open for twice
// as long. Knows no clock but what it is told.
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

  // Whether a call may be made. Each one that may ends in one of the two below.
  bool Admits(absl::Time now);
  void Succeeded();
  // True if that opened it.
  bool Failed(absl::Time now);
  // The call was given up before it told anything.
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
