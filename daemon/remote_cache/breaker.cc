// SPDX-License-Identifier: Apache-2.0
#include "daemon/remote_cache/breaker.h"

#include <algorithm>

namespace btfd::daemon::remote {

bool Breaker::Admits(absl::Time now) {
  absl::MutexLock lock(&mutex_);
  if (!open_) return true;
  if (probing_ || now < probe_at_) return false;
  probing_ = true;
  return true;
}

void Breaker::Succeeded() {
  absl::MutexLock lock(&mutex_);
  failures_ = 0;
  open_ = false;
  probing_ = false;
}

bool Breaker::Failed(absl::Time now) {
  absl::MutexLock lock(&mutex_);
  if (open_) {
    // A call that began before the breaker opened says nothing new.
    if (!probing_) return false;
    probing_ = false;
    pause_ = std::min(2 * pause_, longest_pause_);
    probe_at_ = now + pause_;
    return false;
  }
  if (++failures_ < failures_to_open_) return false;
  open_ = true;
  pause_ = first_pause_;
  probe_at_ = now + pause_;
  return true;
}

void Breaker::Abandoned() {
  absl::MutexLock lock(&mutex_);
  probing_ = false;
}

bool Breaker::open() const {
  absl::MutexLock lock(&mutex_);
  return open_;
}

}  // namespace btfd::daemon::remote
