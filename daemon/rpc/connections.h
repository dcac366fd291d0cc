// SPDX-License-Identifier: Apache-2.0
//
// The open connections: how many there are, and whether their clients read.
// gRPC takes over the descriptor of a connection and closes it without telling
// us. So the table remembers for each connection the descriptor's number and
// the inode of its socket, and checks whether the number still means that
// socket.
//
// A client that does not read its socket can hold more than its calls. If it
// begins calls and resets them, they are no longer calls, but each keeps a
// thread until gRPC has written the reset into a buffer that is full. gRPC 1.51
// does not notice that.
#ifndef BTFD_DAEMON_RPC_CONNECTIONS_H_
#define BTFD_DAEMON_RPC_CONNECTIONS_H_

#include <sys/types.h>

#include <cstddef>

#include "absl/container/flat_hash_map.h"

namespace btfd::daemon {

// Not thread-safe.
class Connections {
 public:
  // `max` is reduced to what the limit on descriptors leaves besides files.
  explicit Connections(size_t max);

  // Notes a connected socket, which may be handed on afterwards. False if `max`
  // other ones are open.
  bool Add(int fd);

  // Call this at regular intervals. Shuts down the connections whose buffer is
  // full and has not changed in the last `checks` calls. Returns how many these
  // were.
  int CloseStuck(int checks);

  size_t max() const { return max_; }

 private:
  struct State {
    ino_t inode = 0;
    int unsent = 0;  // bytes, at the last call
    int stuck = 0;   // for that many calls
  };
  void DropClosed();

  const size_t max_;
  absl::flat_hash_map<int, State> open_;
};

}  // namespace btfd::daemon

#endif  // BTFD_DAEMON_RPC_CONNECTIONS_H_
