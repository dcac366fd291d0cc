// SPDX-License-Identifier: Apache-2.0
#ifndef BTFD_LIB_WIRE_KEEP_GRPC_H_
#define BTFD_LIB_WIRE_KEEP_GRPC_H_

#include <grpc/grpc.h>

namespace btfd::wire {

// Keeps gRPC up until the process ends. Without this gRPC takes itself down
// with its last object, and waits for its threads. One of them looks at sockets
// that could not be written at once; it looks up only every ten seconds (gRPC
// 1.51, `run_poller`), and so long a daemon takes to stop, or a batch to end.
inline void KeepGrpc() {
  static const bool kept = (grpc_init(), true);
  static_cast<void>(kept);
}

}  // namespace btfd::wire

#endif  // BTFD_LIB_WIRE_KEEP_GRPC_H_
