// SPDX-License-Identifier: Apache-2.0
#include "client/rpc/deaf_daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "client/rpc/connection.h"
#include "lib/util/file.h"
#include "lib/util/status_macros.h"

namespace btfd::client {

namespace {

constexpr absl::Duration kKillLimit = absl::Seconds(5);

bool IsHeld(const std::string& lock) {
  const absl::StatusOr<util::UniqueFd> fd =
      util::OpenFile(lock, O_RDWR | O_NOFOLLOW);
  // Ours for this moment, if nobody's.
  return fd.ok() && flock(fd->get(), LOCK_EX | LOCK_NB) != 0 &&
         errno == EWOULDBLOCK;
}

// Who listens; 0 if that cannot be told.
pid_t Listener(const util::RuntimePaths& paths) {
  const absl::StatusOr<util::UniqueFd> socket = ConnectSocket(paths);
  ucred peer{};
  socklen_t size = sizeof(peer);
  if (!socket.ok() ||
      getsockopt(socket->get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) {
    return 0;
  }
  return peer.pid;
}

// The process of a line of /proc/locks that is about a flock of that file:
// "1: FLOCK  ADVISORY  WRITE 1234 00:1f:56789 0 EOF".
pid_t Holder(const std::string& lock) {
  struct stat info;
  const absl::StatusOr<std::string> locks = util::ReadFile("/proc/locks");
  if (!locks.ok() || stat(lock.c_str(), &info) != 0) return 0;
  const std::string file = absl::StrFormat("%02x:%02x:%d", major(info.st_dev),
                                           minor(info.st_dev), info.st_ino);
  for (const absl::string_view line : absl::StrSplit(*locks, '\n')) {
    const std::vector<absl::string_view> words =
        absl::StrSplit(line, ' ', absl::SkipEmpty());
    pid_t pid = 0;
    if (words.size() > 5 && words[1] == "FLOCK" && words[5] == file &&
        absl::SimpleAtoi(words[4], &pid) && pid > 0) {
      return pid;
    }
  }
  return 0;
}

bool EndsWithin(const util::UniqueFd& process, absl::Duration limit) {
  pollfd waiting{process.get(), POLLIN, 0};
  return poll(&waiting, 1, static_cast<int>(absl::ToInt64Milliseconds(limit))) >
         0;
}

void Send(const util::UniqueFd& process, int signal) {
  syscall(SYS_pidfd_send_signal, process.get(), signal, nullptr, 0);
}

}  // namespace

absl::Status EndDeafDaemon(const util::RuntimePaths& paths) {
  const absl::Status no_holder = absl::NotFoundError(absl::StrCat(
      "no daemon holds ", paths.lock,
      "; where systemd listens: systemctl --user restart btfd.service"));
  if (!IsHeld(paths.lock)) return no_holder;
  pid_t pid = Listener(paths);
  if (pid == 0) pid = Holder(paths.lock);
  if (pid == 0) {
    return absl::FailedPreconditionError(
        absl::StrCat("cannot tell which process holds ", paths.lock,
                     "; is it in another container?"));
  }
  const util::UniqueFd process(
      static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  if (!process) {
    return errno == ESRCH ? absl::OkStatus()
                          : util::ErrnoStatus(absl::StrCat("process ", pid),
                                              "cannot be ended");
  }
  // Whoever has the number now had it when the lock was looked at.
  if (!IsHeld(paths.lock)) return absl::OkStatus();
  Send(process, SIGTERM);
  // A stopped one hears nothing else.
  if (EndsWithin(process, kTermLimit)) return absl::OkStatus();
  Send(process, SIGKILL);
  if (EndsWithin(process, kKillLimit)) return absl::OkStatus();
  return absl::DeadlineExceededError(
      absl::StrCat("btfd, pid ", pid, ", is not gone after SIGKILL"));
}

}  // namespace btfd::client
