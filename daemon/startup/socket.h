// SPDX-License-Identifier: Apache-2.0
//
// Listener: where connections come from. The daemon binds and accepts itself,
// not gRPC. So the socket exists before anything is loaded, and a peer of
// another user is refused before a byte of it is read.
//
// A socket has one daemon. Before bind, and for as long as it serves, the
// daemon holds a flock() on a lock file beside the socket. Only the holder may
// replace a stale socket. The lock file is never deleted, because then two
// processes could each hold a lock of that name.
#ifndef BTFD_DAEMON_STARTUP_SOCKET_H_
#define BTFD_DAEMON_STARTUP_SOCKET_H_

#include <sys/types.h>

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "lib/util/file.h"

namespace btfd::daemon {

// A listening Unix socket. Not thread-safe.
class Listener {
 public:
  // Takes the lock and binds `path`. The directory is made if it is missing. It
  // must be private to us (mode 0700), unless `shared_directory`. AlreadyExists
  // if another daemon listens there. If another process holds the lock, waits
  // up to `wait_limit` until it listens; then DeadlineExceeded.
  // FailedPrecondition if `path` is something else than a socket.
  static absl::StatusOr<std::unique_ptr<Listener>> Claim(
      const std::string& path, bool shared_directory,
      absl::Duration wait_limit);

  // Uses a socket on which a supervisor listens (systemd's socket activation).
  // It belongs to the supervisor, so we never delete it.
  static absl::StatusOr<std::unique_ptr<Listener>> Adopt(int fd);

  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  int fd() const { return socket_.get(); }
  const std::string& path() const { return path_; }

  // Returns the next connection, non-blocking. Unavailable if none waits.
  // PermissionDenied, with the uid, if it was another user's; it is closed
  // then. ResourceExhausted if there are no descriptors left.
  absl::StatusOr<util::UniqueFd> Accept();

  // False if somebody deleted or replaced the socket, so that no client finds
  // us.
  bool Reachable() const;
  // Becomes readable when Reachable() may have changed. Call ForgetChanges() to
  // read it empty. -1 if the kernel cannot watch the files, or if the socket is
  // a supervisor's.
  int changes_fd() const { return changes_.get(); }
  void ForgetChanges();

  // Lets a new daemon take the place: deletes the socket if we made it, and
  // releases the lock. Clients that already wait at the socket can still be
  // accepted. Returns false, and does nothing, if the socket was adopted.
  bool Retire();

 private:
  Listener(util::UniqueFd socket, util::UniqueFd lock, std::string path);

  util::UniqueFd socket_;
  util::UniqueFd lock_;     // none if adopted or retired
  util::UniqueFd changes_;  // inotify
  const std::string path_;
  dev_t device_ = 0;  // of the socket's file, if we made it
  ino_t inode_ = 0;
};

// The descriptor that systemd passed to this process by LISTEN_PID and
// LISTEN_FDS, or -1. Removes both variables.
int TakeSystemdSocket();

}  // namespace btfd::daemon

#endif  // BTFD_DAEMON_STARTUP_SOCKET_H_
