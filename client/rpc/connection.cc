// SPDX-License-Identifier: Apache-2.0
#include "client/rpc/connection.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/rpc/daemon_process.h"
#include "lib/util/status_macros.h"

namespace btfd::client {

namespace {

constexpr absl::Duration kPoll = absl::Milliseconds(2);

absl::StatusOr<uid_t> UidOfPeer(int fd, const std::string& path) {
  ucred peer{};
  socklen_t size = sizeof(peer);
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) {
    return util::ErrnoStatus(path, "cannot tell who listens");
  }
  return peer.uid;
}

// `status` says how the process ended that should have started the daemon.
absl::Status StartFailure(const std::string& program, int status,
                          const util::RuntimePaths& paths) {
  return absl::UnavailableError(absl::StrCat(
      program,
      WIFEXITED(status) ? " ended with status " : " was ended by signal ",
      WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status), "; see ",
      paths.log));
}

}  // namespace

absl::Status CheckPeer(uid_t peer, uid_t own, const std::string& path) {
  if (peer == own) return absl::OkStatus();
  return absl::PermissionDeniedError(
      absl::StrCat(path, ": uid ", peer, " listens there, not we"));
}

absl::StatusOr<util::UniqueFd> ConnectSocket(const util::RuntimePaths& paths) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (paths.socket.size() >= sizeof(address.sun_path)) {
    return absl::InvalidArgumentError(
        absl::StrCat(paths.socket, ": too long for the name of a socket"));
  }
  memcpy(address.sun_path, paths.socket.data(), paths.socket.size());
  util::UniqueFd fd(
      socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return util::ErrnoStatus(paths.socket, "cannot make a socket");

  const absl::Time give_up = absl::Now() + kConnectLimit;
  while (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address),
                 sizeof(address)) != 0) {
    if (errno == EINTR) continue;
    // The listener's queue is full.
    if (errno == EAGAIN && absl::Now() < give_up) {
      absl::SleepFor(kPoll);
      continue;
    }
    if (errno == EAGAIN) {
      return absl::DeadlineExceededError(
          absl::StrCat(paths.socket, ": the daemon takes no connections"));
    }
    if (errno == ECONNREFUSED || errno == ENOENT) {
      return absl::NotFoundError(
          absl::StrCat(paths.socket, ": nobody listens there"));
    }
    return util::ErrnoStatus(paths.socket, "cannot connect");
  }
  ASSIGN_OR_RETURN(const uid_t peer, UidOfPeer(fd.get(), paths.socket));
  RETURN_IF_ERROR(CheckPeer(peer, geteuid(), paths.socket));
  return fd;
}

absl::StatusOr<util::UniqueFd> ConnectOrStart(
    const util::RuntimePaths& paths, const std::string& named_program) {
  absl::StatusOr<util::UniqueFd> socket = ConnectSocket(paths);
  if (socket.ok() || !absl::IsNotFound(socket.status())) return socket;

  ASSIGN_OR_RETURN(const std::string program, FindDaemon(named_program));
  if (!paths.shared_directory) {
    RETURN_IF_ERROR(util::EnsurePrivateDirectory(paths.directory));
  }
  ASSIGN_OR_RETURN(
      const util::UniqueFd lock,
      util::OpenFile(paths.start, O_RDWR | O_CREAT | O_NOFOLLOW, 0600));
  const absl::Time give_up = absl::Now() + kStartLimit;
  pid_t starter = 0;
  do {
    if (starter == 0 && flock(lock.get(), LOCK_EX | LOCK_NB) == 0) {
      // The process that held the lock may have started the daemon meanwhile.
      socket = ConnectSocket(paths);
      if (socket.ok() || !absl::IsNotFound(socket.status())) return socket;
      ASSIGN_OR_RETURN(starter, SpawnSharedDaemon(program, paths));
    }
    absl::SleepFor(kPoll);
    socket = ConnectSocket(paths);
    if (socket.ok() || !absl::IsNotFound(socket.status())) return socket;
    int status = 0;
    if (starter > 0 && waitpid(starter, &status, WNOHANG) == starter) {
      starter = -1;
      if (status != 0) return StartFailure(program, status, paths);
      // It ends with 0 only once somebody listens.
      socket = ConnectSocket(paths);
      if (socket.ok() || !absl::IsNotFound(socket.status())) return socket;
      return absl::UnavailableError(
          absl::StrCat(program, " does not listen at ", paths.socket,
                       ", as one of our version would"));
    }
  } while (absl::Now() < give_up);
  return absl::DeadlineExceededError(
      absl::StrCat(program, " cannot be reached at ", paths.socket, " after ",
                   absl::FormatDuration(kStartLimit), "; see ", paths.log));
}

bool BackoffMark::Active() const {
  struct stat info;
  if (stat(path_.c_str(), &info) != 0) return false;
  const absl::Duration age = absl::Now() - absl::TimeFromTimespec(info.st_mtim);
  return age >= -kBackoff && age < kBackoff;
}

bool BackoffMark::Set() {
  if (util::OpenFile(path_, O_WRONLY | O_CREAT | O_EXCL, 0600).ok())
    return true;
  // If many clients find an old mark at once, only one renews it.
  const auto old = util::OpenFile(path_, O_WRONLY | O_NOFOLLOW);
  return old.ok() && flock(old->get(), LOCK_EX) == 0 && !Active() &&
         futimens(old->get(), nullptr) == 0;
}

void BackoffMark::Clear() { unlink(path_.c_str()); }

}  // namespace btfd::client
