// SPDX-License-Identifier: Apache-2.0
//
// Where client and daemon meet: the one rule for the runtime directory and the
// names in it. The versions of protocol and engine are part of the names, so
// that a newer client starts its own daemon beside an older one.
#ifndef BTFD_LIB_UTIL_RUNTIME_PATHS_H_
#define BTFD_LIB_UTIL_RUNTIME_PATHS_H_

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "lib/util/version.h"

namespace btfd::util {

struct RuntimePaths {
  std::string directory;  // mode 0700, owned by the user
  std::string socket;     // the daemon listens here
  std::string lock;       // flock()ed by the daemon for as long as it lives
  std::string start;      // flock()ed by the client that starts the daemon
  std::string backoff;    // its mtime: when a client last found no daemon
  std::string told;  // its mtime: when a client last told of wrong settings
  std::string fallbacks;  // what clients did without it (event_file.h)
  std::string log;        // stderr of a daemon that a client started
  // Stands for `backoff` where the directory cannot be used.
  std::string other_backoff;
  // The directory is not ours alone (it was named by BTFD_SOCKET).
  bool shared_directory = false;
  // The directory that would have come first, if it is another user's or there
  // is none to make it in; else empty.
  std::string passed_over;
};

// $XDG_RUNTIME_DIR/btfd, or /tmp/btfd-UID where that variable is empty, not
// absolute, or so long that the socket's name would not fit sockaddr_un.
RuntimePaths RuntimePathsFor(absl::string_view xdg_runtime_dir, uid_t uid);

// The same, but $XDG_RUNTIME_DIR counts only if it is there, and it and the
// btfd in it are the user's: `sudo -E` leaves it set, and its owner could not
// use what root made there.
RuntimePaths UsableRuntimePathsFor(absl::string_view xdg_runtime_dir,
                                   uid_t uid);

// That for this process. $BTFD_RUNTIME_DIR, an absolute path, replaces the
// directory itself (tests, several daemons of one user); $BTFD_SOCKET, likewise
// absolute and before all, names the socket, and all else stands beside it.
// What was named so is not replaced by anything else: where it is too long for
// a socket, bind and connect say so.
RuntimePaths RuntimePathsOfProcess();

// Makes the directory if it is missing. PermissionDenied if it is a symbolic
// link, somebody else's, or open to others: nobody may plant a socket there.
absl::Status EnsurePrivateDirectory(const std::string& directory);

}  // namespace btfd::util

#endif  // BTFD_LIB_UTIL_RUNTIME_PATHS_H_
