// SPDX-License-Identifier: Apache-2.0
#ifndef BTFD_DAEMON_RPC_STREAM_LIMIT_H_
#define BTFD_DAEMON_RPC_STREAM_LIMIT_H_

namespace btfd::daemon {

// The streams of one connection. Each may have a thread until it is known to
// have stalled. Our clients have three at most; a daemon that forwards requests
// has one for each request.
inline constexpr int kMaxStreamsOfConnection = 32;

}  // namespace btfd::daemon

#endif  // BTFD_DAEMON_RPC_STREAM_LIMIT_H_
