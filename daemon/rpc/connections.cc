// SPDX-License-Identifier: Apache-2.0
#include "daemon/rpc/connections.h"

#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>

namespace btfd::daemon {

namespace {

// For the store, the log, gRPC's own descriptors, and files that are open for a
// moment.
constexpr size_t kOtherDescriptors = 128;

// 0 if it is no socket, or no longer one.
ino_t InodeOfSocket(int fd) {
  struct stat info;
  return fstat(fd, &info) == 0 && S_ISSOCK(info.st_mode) ? info.st_ino : 0;
}

size_t Possible(size_t max) {
  rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return max;
  const size_t all = limit.rlim_cur;
  return std::min(
      max, std::max<size_t>(all / 2, all - std::min(all, kOtherDescriptors)));
}

}  // namespace

Connections::Connections(size_t max) : max_(Possible(max)) {}

bool Connections::Add(int fd) {
  // An old entry of that number belongs to a connection that is gone.
  open_.erase(fd);
  if (open_.size() >= max_) DropClosed();
  if (open_.size() >= max_) return false;
  open_[fd].inode = InodeOfSocket(fd);
  return true;
}

void Connections::DropClosed() {
  absl::erase_if(open_, [](const auto& entry) {
    return InodeOfSocket(entry.first) != entry.second.inode;
  });
}

int Connections::CloseStuck(int checks) {
  DropClosed();
  int closed = 0;
  for (auto& [fd, state] : open_) {
    pollfd writable = {fd, POLLOUT, 0};
    int unsent = 0;
    const bool full = poll(&writable, 1, 0) == 0 &&
                      ioctl(fd, SIOCOUTQ, &unsent) == 0 && unsent > 0;
    state.stuck = full && unsent == state.unsent ? state.stuck + 1 : 0;
    state.unsent = unsent;
    if (state.stuck < checks) continue;
    shutdown(fd, SHUT_RDWR);
    ++closed;
  }
  return closed;
}

}  // namespace btfd::daemon
