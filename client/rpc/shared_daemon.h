// SPDX-License-Identifier: Apache-2.0
//
// For commands about the shared daemon itself, which no fallback can help.
#ifndef BTFD_CLIENT_RPC_SHARED_DAEMON_H_
#define BTFD_CLIENT_RPC_SHARED_DAEMON_H_

#include <memory>

#include "absl/status/statusor.h"
#include "client/rpc/direct_connection.h"

namespace btfd::client {

// The one that runs. NotFound if none does.
absl::StatusOr<std::unique_ptr<DirectConnection>> OpenRunningDaemon();
// The same, starting it if need be (see ConnectOrStart); and clients that were
// let down by it may try again.
absl::StatusOr<std::unique_ptr<DirectConnection>> OpenOrStartDaemon();

}  // namespace btfd::client

#endif  // BTFD_CLIENT_RPC_SHARED_DAEMON_H_
