// SPDX-License-Identifier: Apache-2.0
//
// Finding btfd and starting it as the shared daemon.
#ifndef BTFD_CLIENT_RPC_DAEMON_PROCESS_H_
#define BTFD_CLIENT_RPC_DAEMON_PROCESS_H_

#include <sys/types.h>

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
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

}  // namespace btfd::client

#endif  // BTFD_CLIENT_RPC_DAEMON_PROCESS_H_
