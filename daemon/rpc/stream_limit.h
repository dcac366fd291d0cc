// SPDX-License-Identifier: Apache-2.0
#ifndef BTFD_DAEMON_RPC_STREAM_LIMIT_H_
#define BTFD_DAEMON_RPC_STREAM_LIMIT_H_

namespace btfd::daemon {

// Streams of one connection. Each may have a thread until it is known to stand
// still. A client of ours has three at most, a daemon that hands requests on
// one for each.
inline constexpr int kMaxStreamsOfConnection = 32;

}  // namespace btfd::daemon

#endif  // BTFD_DAEMON_RPC_STREAM_LIMIT_H_
