// SPDX-License-Identifier: Apache-2.0
#include "daemon/forward/single_flight.h"

namespace btfd::daemon {

uint64_t SingleFlight::Done(const util::Digest& key) const {
  absl::ReaderMutexLock lock(&mutex_);
  const auto found = states_.find(key);
  return found == states_.end() ? 0 : found->second.done;
}

bool SingleFlight::Begin(const util::Digest& key, uint64_t seen,
                         absl::Time deadline) {
  const auto decided = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const State& state = states_[key];
    return !state.taken || state.done != seen;
  };
  absl::MutexLock lock(&mutex_);
  if (!mutex_.AwaitWithDeadline(absl::Condition(&decided), deadline)) {
    return false;
  }
  State& state = states_[key];
  if (state.done != seen) return false;
  state.taken = true;
  return true;
}

void SingleFlight::End(const util::Digest& key, bool done) {
  absl::MutexLock lock(&mutex_);
  State& state = states_[key];
  state.taken = false;
  if (done) ++state.done;
}

}  // namespace btfd::daemon
