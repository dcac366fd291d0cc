// SPDX-License-Identifier: Apache-2.0
//
// Lets one of several threads do a thing that all of them need. At the start of
// a build many requests learn at the same time that a remote daemon lacks the
// base. The first of them sends it, the others wait, and then send their
// requests again.
//
//   const uint64_t seen = flight.Done(digest);
//   ... the daemon says that it lacks the base ...
//   if (flight.Begin(digest, seen, deadline)) {
//     const bool sent = SendBase();
//     flight.End(digest, sent);
//   }
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
  // How often the thing was done for `key`. A thread asks for this before it
  // finds out whether the thing must be done.
  uint64_t Done(const util::Digest& key) const;

  // True: the caller does the thing and calls End(); others wait meanwhile.
  // False: another thread did it after Done() gave `seen`, or the deadline has
  // passed. After a failed attempt one of the waiting threads gets true.
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
