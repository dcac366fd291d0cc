// SPDX-License-Identifier: Apache-2.0
//
// Leaving the process that started us behind: its descriptors, its session, its
// make. A client starts the daemon in the middle of a build; whatever we kept
// of that build (a jobserver's pipe, the write end of `make | tee`) would hold
// it up for as long as we live.
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

// Forgets what make and a supervisor say to their children.
void ForgetBuildEnvironment();

// The two sides of Background().
struct Side {
  bool in_daemon = false;
  int exit_code = 0;     // unless in_daemon: end with this
  util::UniqueFd ready;  // if in_daemon: for ReportReady
};

// Forks twice into a new session; to be called before any thread is started.
// The starter comes back when the daemon has reported, with exit code 0 and
// nothing printed, or 1 and the reason on stderr.
absl::StatusOr<Side> Background();

// Lets the starter go. `status` not OK: it prints the message and fails.
void ReportReady(util::UniqueFd ready, const absl::Status& status);

// stdin and stdout to /dev/null; stderr, for what libraries print, to the end
// of the file `log_path`, or where that cannot be opened to /dev/null, too.
// The working directory becomes /, so that no file system is held busy.
void DetachFromTerminal(const std::string& log_path);

}  // namespace btfd::daemon

#endif  // BTFD_DAEMON_STARTUP_DAEMONIZE_H_
