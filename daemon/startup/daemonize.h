// SPDX-License-Identifier: Apache-2.0
//
// Detaches the daemon from the process that started it: from its descriptors,
// its session and its make. A client starts the daemon in the middle of a
// build. If the daemon kept something of that build (a pipe of the jobserver,
// the write end of `make | tee`), the build would not end before the daemon
// does.
#ifndef BTFD_DAEMON_STARTUP_DAEMONIZE_H_
#define BTFD_DAEMON_STARTUP_DAEMONIZE_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "lib/util/file.h"

namespace btfd::daemon {

// Closes every descriptor from 3 up, except those to keep (negative: none).
void CloseInherited(std::vector<int> keep);

// Removes the environment variables by which make and a supervisor talk to
// their children.
void ForgetBuildEnvironment();

// What Background() returns in each of the two processes.
struct Side {
  bool in_daemon = false;
  int exit_code = 0;     // unless in_daemon: exit with this code
  util::UniqueFd ready;  // if in_daemon: for ReportReady()
};

// Forks twice into a new session. Call it before any thread is started. In the
// starter it returns when the daemon has reported: with exit code 0 and no
// output, or with 1 and the reason on stderr.
absl::StatusOr<Side> Background();

// Lets the starter end. If `status` is not OK, the starter prints its message
// and fails.
void ReportReady(util::UniqueFd ready, const absl::Status& status);

// Redirects stdin and stdout to /dev/null. stderr, on which libraries print,
// goes to the end of the file `log_path`, or to /dev/null if that cannot be
// opened. The working directory becomes /, so that no file system is kept busy.
void DetachFromTerminal(const std::string& log_path);

}  // namespace btfd::daemon

#endif  // BTFD_DAEMON_STARTUP_DAEMONIZE_H_
