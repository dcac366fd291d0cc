// SPDX-License-Identifier: Apache-2.0
#include "daemon/connections.h"

#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>

namespace btfd::daemon {

namespace {

// For the store, the log, gRPC's own, and whatever is opened for a moment.
constexpr size_t kOtherDescriptors = 128;

// 0 if it is no socket (any more).
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
  // An entry of that number is of a connection that has gone.
  inodes_.erase(fd);
  if (inodes_.size() >= max_) DropClosed();
  if (inodes_.size() >= max_) return false;
  inodes_[fd] = InodeOfSocket(fd);
  return true;
}

void Connections::DropClosed() {
  absl::erase_if(inodes_, [](const auto& entry) {
    return InodeOfSocket(entry.first) != entry.second;
  });
}

}  // namespace btfd::daemon
