// SPDX-License-Identifier: Apache-2.0
//
// The limits that a daemon is started under (ulimit, containers), which are
// those of the build that happened to start it. gRPC does not survive a lack of
// threads: it ends the process, or hangs in its start, while the socket is
// bound and signals are blocked. So the daemon tries the threads that it needs
// before it binds the socket, and its start has a time limit.
#ifndef BTFD_DAEMON_STARTUP_LIMITS_H_
#define BTFD_DAEMON_STARTUP_LIMITS_H_

#include "absl/time/time.h"

namespace btfd::daemon {

// Raises each soft limit that is meant for the programs of a build, not for
// what serves them, to the hard one; and lets a file that has grown to its
// limit be an error (EFBIG) instead of the end.
void LiftLimits();

// How many threads a daemon may need that works on `workers` modules at once:
// what util::TryThreads() is asked for.
int ThreadsNeeded(unsigned workers);

// While it lives, the process has so long to go on; then it says so on stderr
// and is ended by SIGALRM, whatever it hangs in. One at a time; alarm(2) is in
// use meanwhile.
class Deadline {
 public:
  explicit Deadline(absl::Duration limit);
  ~Deadline();
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;
};

}  // namespace btfd::daemon

#endif  // BTFD_DAEMON_STARTUP_LIMITS_H_
