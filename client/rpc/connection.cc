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

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/rpc/daemon_process.h"
#include "lib/util/status_macros.h"

namespace btfd::client {

namespace {

constexpr absl::Duration kPoll = absl::Milliseconds(2);
// How long the process that starts a daemon may live on once that listens.
constexpr absl::Duration kReapLimit = absl::Milliseconds(200);

absl::StatusOr<uid_t> UidOfPeer(int fd, const std::string& path) {
  ucred peer{};
  socklen_t size = sizeof(peer);
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) {
    return util::ErrnoStatus(path, "cannot tell who listens");
  }
  return peer.uid;
}

// Whether there is a mark of ours that is not old.
bool IsActive(const std::string& path) {
  struct stat info;
  if (lstat(path.c_str(), &info) != 0 || info.st_uid != geteuid()) return false;
  const absl::Duration age = absl::Now() - absl::TimeFromTimespec(info.st_mtim);
  return age >= -kBackoff && age < kBackoff;
}

// Waits for a process that is about to end, so that it leaves no zombie to a
// parent that may not care. `pid` may be of none.
void Reap(pid_t pid) {
  const absl::Time give_up = absl::Now() + kReapLimit;
  while (pid > 0 && waitpid(pid, nullptr, WNOHANG) == 0 &&
         absl::Now() < give_up) {
    absl::SleepFor(kPoll);
  }
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
    int status = 0;
    const pid_t ended = starter > 0 ? waitpid(starter, &status, WNOHANG) : 0;
    socket = ConnectSocket(paths);
    if (socket.ok() || !absl::IsNotFound(socket.status())) {
      if (ended == 0) Reap(starter);
      return socket;
    }
    if (ended == 0) continue;
    // It ends well only once somebody listens. (Where SIGCHLD is ignored nobody
    // knows how it ended.)
    if (ended > 0 && status != 0) return StartFailure(program, status, paths);
    return absl::UnavailableError(
        absl::StrCat(program, " does not listen at ", paths.socket,
                     ", as one of our version would; see ", paths.log));
  } while (absl::Now() < give_up);
  return absl::DeadlineExceededError(
      absl::StrCat(program, " cannot be reached at ", paths.socket, " after ",
                   absl::FormatDuration(kStartLimit), "; see ", paths.log));
}

BackoffMark::BackoffMark(const util::RuntimePaths& paths,
                         std::vector<std::string> places)
    : directory_(paths.shared_directory ? "" : paths.directory),
      places_(std::move(places)) {}

BackoffMark BackoffMark::OfFailure(const util::RuntimePaths& paths) {
  return BackoffMark(paths, {paths.backoff, paths.other_backoff});
}

BackoffMark BackoffMark::OfComplaints(const util::RuntimePaths& paths) {
  return BackoffMark(paths, {paths.told});
}

BackoffMark BackoffMark::OfOwnComplaints(const util::RuntimePaths& paths) {
  return BackoffMark(paths, {paths.told + "-client"});
}

bool BackoffMark::Active() const {
  return std::any_of(places_.begin(), places_.end(), IsActive);
}

BackoffMark::Attempt BackoffMark::SetAt(const std::string& path) {
  const auto made =
      util::OpenFile(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
  if (made.ok()) return Attempt::kSet;
  // Of all who come upon an old one at once, one makes it new.
  const auto old = util::OpenOwnForAppending(path);
  if (!old.ok() || flock(old->get(), LOCK_EX) != 0) return Attempt::kImpossible;
  if (IsActive(path)) return Attempt::kSetByAnother;
  return futimens(old->get(), nullptr) == 0 ? Attempt::kSet
                                            : Attempt::kImpossible;
}

bool BackoffMark::Set() {
  const bool usable =
      directory_.empty() || util::EnsurePrivateDirectory(directory_).ok();
  for (const std::string& path : places_) {
    if (&path == &places_[0] && !usable) continue;
    const Attempt attempt = SetAt(path);
    if (attempt != Attempt::kImpossible) return attempt == Attempt::kSet;
  }
  return true;
}

void BackoffMark::Clear() {
  for (const std::string& path : places_) unlink(path.c_str());
}

}  // namespace btfd::client
