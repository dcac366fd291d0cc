// SPDX-License-Identifier: Apache-2.0
#include "daemon/startup/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "lib/util/runtime_paths.h"
#include "lib/util/status_macros.h"

namespace btfd::daemon {

namespace {

constexpr int kBacklog = 4096;  // the kernel cuts it to net.core.somaxconn
constexpr int kFirstSystemdFd = 3;
constexpr absl::Duration kClaimRetry = absl::Milliseconds(5);

absl::Status ErrnoError(absl::string_view what) {
  return absl::ErrnoToStatus(errno, what);
}

absl::StatusOr<sockaddr_un> AddressOf(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof(address.sun_path)) {
    return absl::InvalidArgumentError(
        absl::StrCat("the socket's path must have 1 to ",
                     sizeof(address.sun_path) - 1, " bytes: ", path));
  }
  memcpy(address.sun_path, path.data(), path.size());
  return address;
}

absl::StatusOr<util::UniqueFd> NewSocket() {
  util::UniqueFd fd(
      socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return ErrnoError("cannot make a socket");
  return fd;
}

// True if somebody listens. A full queue of waiting clients also means that.
absl::StatusOr<bool> SomebodyListens(const sockaddr_un& address) {
  ASSIGN_OR_RETURN(util::UniqueFd probe, NewSocket());
  return connect(probe.get(), reinterpret_cast<const sockaddr*>(&address),
                 sizeof(address)) == 0 ||
         errno == EAGAIN;
}

// Takes the lock. Returns an invalid descriptor if another process holds it.
absl::StatusOr<util::UniqueFd> TryLock(const std::string& path) {
  ASSIGN_OR_RETURN(util::UniqueFd fd,
                   util::OpenFile(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600));
  struct stat info;
  if (fstat(fd.get(), &info) != 0 || info.st_uid != geteuid()) {
    return absl::PermissionDeniedError(
        absl::StrCat(path, " belongs to uid ", info.st_uid));
  }
  if (flock(fd.get(), LOCK_EX | LOCK_NB) == 0) return fd;
  if (errno == EWOULDBLOCK) return util::UniqueFd();
  return ErrnoError(absl::StrCat("cannot lock ", path));
}

// Precondition: we hold the lock, and nobody listens on the socket.
absl::Status RemoveStaleSocket(const std::string& path) {
  struct stat info;
  if (lstat(path.c_str(), &info) != 0) {
    if (errno == ENOENT) return absl::OkStatus();
    return ErrnoError(absl::StrCat("cannot look at ", path));
  }
  if (!S_ISSOCK(info.st_mode)) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, " is there and not a socket; remove it"));
  }
  if (unlink(path.c_str()) == 0 || errno == ENOENT) return absl::OkStatus();
  return ErrnoError(absl::StrCat("cannot remove the stale socket ", path));
}

absl::StatusOr<util::UniqueFd> BindAndListen(const std::string& path,
                                             const sockaddr_un& address) {
  ASSIGN_OR_RETURN(util::UniqueFd fd, NewSocket());
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&address),
           sizeof(address)) != 0) {
    return ErrnoError(absl::StrCat("cannot bind ", path));
  }
  // Nobody can connect before listen(), so the mode is set early enough.
  if (chmod(path.c_str(), 0600) != 0 || listen(fd.get(), kBacklog) != 0) {
    return ErrnoError(absl::StrCat("cannot listen on ", path));
  }
  return fd;
}

absl::Status CheckPeer(int fd) {
  ucred peer{};
  socklen_t size = sizeof(peer);
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) {
    return ErrnoError("cannot tell whose connection it is");
  }
  if (peer.uid == geteuid()) return absl::OkStatus();
  return absl::PermissionDeniedError(
      absl::StrCat("refused a connection of uid ", peer.uid, ", process ",
                   peer.pid, ": only uid ", geteuid(), " is served"));
}

absl::Status SetFlags(int fd) {
  const int flags = fcntl(fd, F_GETFL);
  if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0 ||
      fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) {
    return ErrnoError(absl::StrCat("cannot set up descriptor ", fd));
  }
  return absl::OkStatus();
}

// Reports when a file may have lost its name: the file or its directory was
// deleted (the link count, an attribute, changes) or moved. Nothing if the
// kernel allows no more watches.
util::UniqueFd WatchForLoss(const std::string& path) {
  util::UniqueFd watch(inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  const std::string directory = path.substr(0, path.rfind('/') + 1) + ".";
  if (!watch ||
      inotify_add_watch(
          watch.get(), path.c_str(),
          IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF | IN_DONT_FOLLOW) < 0 ||
      inotify_add_watch(watch.get(), directory.c_str(),
                        IN_DELETE_SELF | IN_MOVE_SELF) < 0) {
    return util::UniqueFd();
  }
  return watch;
}

bool IsListeningStreamSocket(int fd) {
  const auto option = [fd](int name) {
    int value = -1;
    socklen_t size = sizeof(value);
    if (getsockopt(fd, SOL_SOCKET, name, &value, &size) != 0) return -1;
    return value;
  };
  return option(SO_DOMAIN) == AF_UNIX && option(SO_TYPE) == SOCK_STREAM &&
         option(SO_ACCEPTCONN) == 1;
}

}  // namespace

Listener::Listener(util::UniqueFd socket, util::UniqueFd lock, std::string path)
    : socket_(std::move(socket)),
      lock_(std::move(lock)),
      path_(std::move(path)) {
  struct stat info;
  if (lock_ && lstat(path_.c_str(), &info) == 0) {
    device_ = info.st_dev;
    inode_ = info.st_ino;
    changes_ = WatchForLoss(path_);
  }
}

void Listener::ForgetChanges() {
  char events[4096];
  while (read(changes_.get(), events, sizeof(events)) > 0) {
  }
}

Listener::~Listener() { Retire(); }

absl::StatusOr<std::unique_ptr<Listener>> Listener::Claim(
    const std::string& path, bool shared_directory, absl::Duration wait_limit) {
  ASSIGN_OR_RETURN(const sockaddr_un address, AddressOf(path));
  const size_t slash = path.rfind('/');
  if (!shared_directory && slash != std::string::npos && slash > 0) {
    RETURN_IF_ERROR(util::EnsurePrivateDirectory(path.substr(0, slash)));
  }
  const std::string lock_path =
      absl::StrCat(absl::StripSuffix(path, ".sock"), ".lock");

  const absl::Time give_up = absl::Now() + wait_limit;
  while (true) {
    ASSIGN_OR_RETURN(util::UniqueFd lock, TryLock(lock_path));
    // If somebody listens without the lock, it is a supervisor's socket.
    ASSIGN_OR_RETURN(const bool served, SomebodyListens(address));
    if (served) {
      return absl::AlreadyExistsError(
          absl::StrCat("another daemon listens on ", path));
    }
    if (lock) {
      RETURN_IF_ERROR(RemoveStaleSocket(path));
      ASSIGN_OR_RETURN(util::UniqueFd socket, BindAndListen(path, address));
      return std::unique_ptr<Listener>(
          new Listener(std::move(socket), std::move(lock), path));
    }
    // The holder of the lock has not bound the socket yet, or is about to end.
    if (absl::Now() >= give_up) {
      return absl::DeadlineExceededError(absl::StrCat(
          "another process holds ", lock_path, " but does not listen"));
    }
    absl::SleepFor(kClaimRetry);
  }
}

absl::StatusOr<std::unique_ptr<Listener>> Listener::Adopt(int fd) {
  util::UniqueFd socket(fd);
  if (!IsListeningStreamSocket(fd)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "descriptor ", fd, " is not a listening Unix stream socket"));
  }
  RETURN_IF_ERROR(SetFlags(fd));
  sockaddr_un address{};
  socklen_t size = sizeof(address);
  std::string path;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0 &&
      size > offsetof(sockaddr_un, sun_path)) {
    path.assign(
        address.sun_path,
        strnlen(address.sun_path, size - offsetof(sockaddr_un, sun_path)));
  }
  return std::unique_ptr<Listener>(
      new Listener(std::move(socket), util::UniqueFd(), std::move(path)));
}

absl::StatusOr<util::UniqueFd> Listener::Accept() {
  util::UniqueFd fd(
      accept4(socket_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!fd) {
    switch (errno) {
      case EMFILE:
      case ENFILE:
      case ENOBUFS:
      case ENOMEM:
        return absl::ResourceExhaustedError(
            absl::StrCat("cannot accept: ", strerror(errno)));
      default:  // EAGAIN, or the client is already gone
        return absl::UnavailableError(
            absl::StrCat("nothing to accept: ", strerror(errno)));
    }
  }
  RETURN_IF_ERROR(CheckPeer(fd.get()));
  return fd;
}

bool Listener::Reachable() const {
  if (!lock_) return true;
  struct stat info;
  return lstat(path_.c_str(), &info) == 0 && info.st_dev == device_ &&
         info.st_ino == inode_;
}

bool Listener::Retire() {
  if (!lock_) return false;
  if (Reachable()) unlink(path_.c_str());
  lock_.Reset();
  return true;
}

int TakeSystemdSocket() {
  const char* pid = getenv("LISTEN_PID");
  const char* count = getenv("LISTEN_FDS");
  int for_pid = 0;
  int fds = 0;
  const bool ours = pid != nullptr && absl::SimpleAtoi(pid, &for_pid) &&
                    for_pid == getpid() && count != nullptr &&
                    absl::SimpleAtoi(count, &fds) && fds >= 1;
  unsetenv("LISTEN_PID");
  unsetenv("LISTEN_FDS");
  unsetenv("LISTEN_FDNAMES");
  return ours ? kFirstSystemdFd : -1;
}

}  // namespace btfd::daemon
