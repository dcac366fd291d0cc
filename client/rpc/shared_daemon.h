// SPDX-License-Identifier: Apache-2.0
//
// For commands about the shared daemon itself, which nothing else can stand in
// for.
#ifndef BTFD_CLIENT_RPC_SHARED_DAEMON_H_
#define BTFD_CLIENT_RPC_SHARED_DAEMON_H_

#include <memory>

#include "absl/status/statusor.h"
#include "client/rpc/direct_connection.h"

namespace btfd::client {

// Connects to the running daemon. NotFound if none runs.
absl::StatusOr<std::unique_ptr<DirectConnection>> OpenRunningDaemon();
// The same, but starts the daemon if need be (see ConnectOrStart()). Also
// removes the mark of a failure, so that clients try the shared daemon again.
absl::StatusOr<std::unique_ptr<DirectConnection>> OpenOrStartDaemon();

}  // namespace btfd::client

#endif  // BTFD_CLIENT_RPC_SHARED_DAEMON_H_
