// SPDX-License-Identifier: Apache-2.0
//
// The connections that are open: how many, and whether their clients read. gRPC
// takes a descriptor over and closes it when it likes, without a word; so the
// table remembers each by number and by the inode of its socket, and looks
// which are still what they were.
//
// A client that does not read its socket can hold more than its calls: those it
// begins and resets are calls no longer, but each keeps a thread until gRPC has
// said so, behind a buffer that is full. Nothing in gRPC 1.51 notices that.
#ifndef BTFD_DAEMON_RPC_CONNECTIONS_H_
#define BTFD_DAEMON_RPC_CONNECTIONS_H_

#include <sys/types.h>

#include <cstddef>

#include "absl/container/flat_hash_map.h"

namespace btfd::daemon {

// Not thread-safe.
class Connections {
 public:
  // `max` is cut to what the limit on descriptors leaves, beside files.
  explicit Connections(size_t max);

  // Notes a connected socket, which may be given away afterwards. False if
  // there are `max` open ones besides.
  bool Add(int fd);

  // To be called at regular intervals: shuts those down whose buffer was full,
  // and held the same, at the last `checks` calls and is now. How many.
  int CloseStuck(int checks);

  size_t max() const { return max_; }

 private:
  struct State {
    ino_t inode = 0;
    int unsent = 0;  // bytes, when last looked at
    int stuck = 0;   // for that many looks
  };
  void DropClosed();

  const size_t max_;
  absl::flat_hash_map<int, State> open_;
};

}  // namespace btfd::daemon

#endif  // BTFD_DAEMON_RPC_CONNECTIONS_H_
