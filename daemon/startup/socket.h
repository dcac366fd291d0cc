// SPDX-License-Identifier: Apache-2.0
//
// Where connections come from. The daemon binds and accepts itself, so that
// the socket is there before anything is loaded and a peer of another user is
// turned away before a byte of it is read.
//
// One daemon to a socket: a lock file beside the socket is flock()ed before
// bind and for as long as the daemon serves. Only its holder replaces a stale
// socket. The lock file itself is never deleted: two processes could then each
// hold "the" lock.
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
  // Takes the lock and binds `path`; its directory is made if need be and must
  // be private to us (mode 0700), unless `shared_directory`. AlreadyExists if
  // another daemon listens there; waits up to `wait_limit` for one that holds
  // the lock to do so, else DeadlineExceeded. FailedPrecondition if something
  // that is no socket stands at `path`.
  static absl::StatusOr<std::unique_ptr<Listener>> Claim(
      const std::string& path, bool shared_directory,
      absl::Duration wait_limit);

  // Takes over a socket that a supervisor bound and listens on (systemd's
  // socket activation). It stays the supervisor's: never deleted by us.
  static absl::StatusOr<std::unique_ptr<Listener>> Adopt(int fd);

  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  int fd() const { return socket_.get(); }
  const std::string& path() const { return path_; }

  // The next connection, non-blocking. Unavailable if none waits,
  // PermissionDenied (naming the uid) if it was another user's and is closed
  // now, ResourceExhausted if there are no descriptors left.
  absl::StatusOr<util::UniqueFd> Accept();

  // False once somebody deleted or replaced the socket: nobody finds us then.
  bool Reachable() const;
  // Becomes readable when Reachable() is worth asking; reading it off is
  // ForgetChanges()'s. -1 where the kernel does not watch files for us, or the
  // socket is a supervisor's.
  int changes_fd() const { return changes_.get(); }
  void ForgetChanges();

  // From now on a new daemon may take the place: deletes the socket if we made
  // it and gives the lock back; clients that wait at it already can still be
  // accepted. False where nothing of that is ours to do: an adopted socket
  // stays.
  bool Retire();

 private:
  Listener(util::UniqueFd socket, util::UniqueFd lock, std::string path);

  util::UniqueFd socket_;
  util::UniqueFd lock_;     // none: adopted or retired
  util::UniqueFd changes_;  // inotify
  const std::string path_;
  dev_t device_ = 0;  // of the socket's file, if we made it
  ino_t inode_ = 0;
};

// Readies an inherited, connected socket for being served: checks that it is
// one and that the peer is us; makes it non-blocking and close-on-exec.
absl::StatusOr<util::UniqueFd> TakeConnection(int fd);

// The descriptor that systemd passed by LISTEN_PID and LISTEN_FDS to this
// process, or -1. Forgets both variables.
int TakeSystemdSocket();

}  // namespace btfd::daemon

#endif  // BTFD_DAEMON_STARTUP_SOCKET_H_
