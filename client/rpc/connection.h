// SPDX-License-Identifier: Apache-2.0
//
// The way to a daemon: the shared one behind its socket, started where there is
// none; or a private one.
//
// Starting: of all clients that find nobody, one takes the `start` lock and
// starts the daemon; the others wait for the socket. Failing: the first client
// that is let down leaves a mark, and for kBackoff everybody who sees it does
// not even try, so that a stopped daemon costs a build one wait, not one a
// module.
#ifndef BTFD_CLIENT_RPC_CONNECTION_H_
#define BTFD_CLIENT_RPC_CONNECTION_H_

#include <sys/types.h>

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "lib/util/file.h"
#include "lib/util/runtime_paths.h"

namespace btfd::client {

inline constexpr absl::Duration kBackoff = absl::Minutes(1);
// What a daemon that is started may take until it can be reached, and one that
// is there to take us from its queue.
inline constexpr absl::Duration kStartLimit = absl::Seconds(5);
inline constexpr absl::Duration kConnectLimit = absl::Seconds(2);

// Connects to the socket. NotFound where nobody listens; PermissionDenied
// where it is not ours or the peer is another user; DeadlineExceeded where the
// daemon does not take connections.
absl::StatusOr<util::UniqueFd> ConnectSocket(const util::RuntimePaths& paths);

// The same, starting the daemon where nobody listens. `named_program` as for
// FindDaemon. Further errors: NotFound (no btfd), Unavailable (it ended at
// once; names the log; or it listens elsewhere), DeadlineExceeded (it is not
// there after kStartLimit).
absl::StatusOr<util::UniqueFd> ConnectOrStart(const util::RuntimePaths& paths,
                                              const std::string& named_program);

// PermissionDenied unless the peer at `path` is who we are.
absl::Status CheckPeer(uid_t peer, uid_t own, const std::string& path);

// The mark of a failure, common to all processes of the user.
class BackoffMark {
 public:
  explicit BackoffMark(std::string path) : path_(std::move(path)) {}

  bool Active() const;
  // True for the one that set it: that one tells the user.
  bool Set();
  void Clear();

 private:
  std::string path_;
};

}  // namespace btfd::client

#endif  // BTFD_CLIENT_RPC_CONNECTION_H_
