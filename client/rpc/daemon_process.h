// SPDX-License-Identifier: Apache-2.0
//
// Finding and starting btfd: the shared one, which lives on, and a private one,
// which serves two connections of ours and ends with the first.
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

// `named` (BTFD_DAEMON) if it is not empty; else as FindDaemonIn, from where
// this program is.
absl::StatusOr<std::string> FindDaemon(const std::string& named);

// The btfd beside this program or where Bazel builds it, else the first one in
// the search path (PATH). NotFound says where it was looked for.
absl::StatusOr<std::string> FindDaemonIn(const std::string& own_directory,
                                         absl::string_view search_path);

// Starts the shared daemon, detached from this process: session, descriptors,
// directory and what make says to its children. Does not wait for it; the
// process that it returns ends when the daemon serves (0) or cannot (else).
absl::StatusOr<pid_t> SpawnSharedDaemon(const std::string& program,
                                        const util::RuntimePaths& paths);

// Our ends of the connections to a private daemon.
struct PrivateDaemon {
  util::UniqueFd calls;   // it ends when this one is closed
  util::UniqueFd stream;  // for who speaks gRPC
};

// Starts a private daemon, connected twice.
absl::StatusOr<PrivateDaemon> SpawnPrivateDaemon(
    const std::string& program, const util::RuntimePaths& paths);

}  // namespace btfd::client

#endif  // BTFD_CLIENT_RPC_DAEMON_PROCESS_H_
