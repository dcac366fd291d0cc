// SPDX-License-Identifier: Apache-2.0
//
// Connects to the shared daemon by its socket, and starts it if it does not
// run.
//
// Starting: if many clients find no daemon, one of them takes the `start` lock
// and starts it; the others wait for the socket. Failing: the first client to
// which the daemon does not answer leaves a mark. For the time kBackoff, a
// client that sees the mark does not even try. So a stopped daemon costs a
// build one wait, and not one for each module.
#ifndef BTFD_CLIENT_RPC_CONNECTION_H_
#define BTFD_CLIENT_RPC_CONNECTION_H_

#include <sys/types.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "lib/util/file.h"
#include "lib/util/runtime_paths.h"

namespace btfd::client {

inline constexpr absl::Duration kBackoff = absl::Minutes(1);
// The time in which a started daemon must become reachable, and in which a
// running one must accept a connection.
inline constexpr absl::Duration kStartLimit = absl::Seconds(5);
inline constexpr absl::Duration kConnectLimit = absl::Seconds(2);

// Connects to the socket. NotFound if nobody listens; PermissionDenied if the
// socket is not ours or the peer is another user; DeadlineExceeded if the
// daemon accepts no connection.
absl::StatusOr<util::UniqueFd> ConnectSocket(const util::RuntimePaths& paths);

// The same, but starts the daemon if nobody listens. `named_program` as for
// FindDaemon(). More errors: NotFound (no btfd found); Unavailable (the daemon
// ended at once, see the log that the message names; or it listens elsewhere);
// DeadlineExceeded (not reachable within kStartLimit).
absl::StatusOr<util::UniqueFd> ConnectOrStart(const util::RuntimePaths& paths,
                                              const std::string& named_program);

// PermissionDenied unless the peer at `path` is the same user as we.
absl::Status CheckPeer(uid_t peer, uid_t own, const std::string& path);

// A mark that something happened less than kBackoff ago. All processes of the
// user share it.
class BackoffMark {
 public:
  // The mark that a client could not use the daemon. It is in the runtime
  // directory or, where that cannot be used, in /tmp.
  static BackoffMark OfFailure(const util::RuntimePaths& paths);
  // The marks that a client told its user of wrong settings, the daemon's and
  // the client's own. They are beside the daemon's socket.
  static BackoffMark OfComplaints(const util::RuntimePaths& paths);
  static BackoffMark OfOwnComplaints(const util::RuntimePaths& paths);

  bool Active() const;
  // Sets the mark. True if this call set it: then this client tells the user.
  // Also true if no mark can be kept anywhere: then each client tells its user.
  bool Set();
  void Clear();

 private:
  BackoffMark(const util::RuntimePaths& paths, std::vector<std::string> places);
  // What came of an attempt to set the mark at one place.
  enum class Attempt { kSet, kSetByAnother, kImpossible };
  static Attempt SetAt(const std::string& path);

  // The directory of the first place, which Set() makes if it is missing. Empty
  // if it is not ours alone.
  const std::string directory_;
  const std::vector<std::string> places_;  // the first that can be used counts
};

}  // namespace btfd::client

#endif  // BTFD_CLIENT_RPC_CONNECTION_H_
