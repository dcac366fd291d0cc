// SPDX-License-Identifier: Apache-2.0
//
// How many connections are open. gRPC takes a descriptor over and closes it
// when it likes, without a word; so the table remembers each by number and by
// the inode of its socket, and looks which are still what they were.
#ifndef BTFD_DAEMON_CONNECTIONS_H_
#define BTFD_DAEMON_CONNECTIONS_H_

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

  size_t max() const { return max_; }

 private:
  void DropClosed();

  const size_t max_;
  absl::flat_hash_map<int, ino_t> inodes_;
};

}  // namespace btfd::daemon

#endif  // BTFD_DAEMON_CONNECTIONS_H_
