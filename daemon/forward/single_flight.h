// SPDX-License-Identifier: Apache-2.0
//
// One does a thing for all who want it: at the start of a build many requests
// learn at once that a remote daemon lacks the base, and one of them sends it.
#ifndef BTFD_DAEMON_FORWARD_SINGLE_FLIGHT_H_
#define BTFD_DAEMON_FORWARD_SINGLE_FLIGHT_H_

#include <cstdint>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "lib/util/digest.h"

namespace btfd::daemon {

// Thread-safe.
class SingleFlight {
 public:
  // How often it was done for `key`. Ask before finding out whether it must be.
  uint64_t Done(const util::Digest& key) const;

  // True: it is the caller's turn, until End. False: somebody else did it since
  // Done() gave `seen`, or the deadline passed.
  bool Begin(const util::Digest& key, uint64_t seen, absl::Time deadline);
  void End(const util::Digest& key, bool done);

 private:
  struct State {
    uint64_t done = 0;
    bool taken = false;
  };
  mutable absl::Mutex mutex_;
  absl::flat_hash_map<util::Digest, State> states_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace btfd::daemon

#endif  // BTFD_DAEMON_FORWARD_SINGLE_FLIGHT_H_
