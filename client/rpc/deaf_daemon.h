// SPDX-License-Identifier: Apache-2.0
//
// Ending a shared daemon that answers no call: stopped, or hung in a library.
#ifndef BTFD_CLIENT_RPC_DEAF_DAEMON_H_
#define BTFD_CLIENT_RPC_DEAF_DAEMON_H_

#include <sys/types.h>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "lib/util/runtime_paths.h"

namespace btfd::client {

// How long a daemon has for its end once it was sent SIGTERM.
inline constexpr absl::Duration kTermLimit = absl::Seconds(2);

// Ends the daemon that holds the lock, by SIGTERM and, if it is not gone after
// kTermLimit, by SIGKILL; it loses nothing by that (lib/store). Which process
// it is the socket tells (SO_PEERCRED: who listens), or /proc/locks where the
// socket takes no connection.
//
// NotFound if nobody holds the lock: then it is a supervisor that listens.
// FailedPrecondition if it cannot be told which process it is (another PID
// namespace). DeadlineExceeded if even SIGKILL does not end it.
absl::Status EndDeafDaemon(const util::RuntimePaths& paths);

}  // namespace btfd::client

#endif  // BTFD_CLIENT_RPC_DEAF_DAEMON_H_
