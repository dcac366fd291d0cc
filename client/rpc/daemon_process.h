// SPDX-License-Identifier: Apache-2.0
//
// Finds and starts btfd: the shared daemon, which runs on after this client, or
// a private daemon, which serves two connections of ours and ends with the
// first.
#ifndef BTFD_CLIENT_RPC_DAEMON_PROCESS_H_
#define BTFD_CLIENT_RPC_DAEMON_PROCESS_H_

#include <sys/types.h>

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "lib/util/file.h"
#include "lib/util/runtime_paths.h"

namespace btfd::client {

// Returns `named` (BTFD_DAEMON) if it is not empty; else FindDaemonIn() with
// the directory of this program.
absl::StatusOr<std::string> FindDaemon(const std::string& named);

// The btfd beside this program or in the place where Bazel builds it, else the
// first one in the search path (PATH). NotFound says where it was searched.
absl::StatusOr<std::string> FindDaemonIn(const std::string& own_directory,
                                         absl::string_view search_path);

// Starts the shared daemon, detached from this process: it has its own session,
// descriptors and directory, and no variables of make. Does not wait for the
// daemon. The returned process ends with 0 when the daemon serves, and with
// another code if it cannot.
absl::StatusOr<pid_t> SpawnSharedDaemon(const std::string& program,
                                        const util::RuntimePaths& paths);

// Our ends of the two connections to a private daemon.
struct PrivateDaemon {
  util::UniqueFd calls;   // the daemon ends when this is closed
  util::UniqueFd stream;  // for a caller that uses gRPC
};

// Starts a private daemon with two connections.
absl::StatusOr<PrivateDaemon> SpawnPrivateDaemon(
    const std::string& program, const util::RuntimePaths& paths);

}  // namespace btfd::client

#endif  // BTFD_CLIENT_RPC_DAEMON_PROCESS_H_
