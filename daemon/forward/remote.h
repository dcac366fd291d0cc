// SPDX-License-Identifier: Apache-2.0
//
// One entry of the option `server`: a gRPC channel that keeps itself alive,
// spreads its calls over all addresses of the entry's name (round_robin) and
// leaves out those that say by their health service that they are stopping.
// Entries are channels of their own, so that each certificate is checked
// against the name that was written down.
#ifndef BTFD_DAEMON_FORWARD_REMOTE_H_
#define BTFD_DAEMON_FORWARD_REMOTE_H_

#include <grpcpp/channel.h>
#include <grpcpp/security/credentials.h>

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "daemon/tls/client_credentials.h"
#include "proto/btfd.grpc.pb.h"

namespace btfd::daemon {

// The entries of `server`: "grpcs://HOST:PORT[,HOST:PORT...]" (TLS),
// "grpc://..." (in the clear), or "dns:///NAME:PORT" (TLS). InvalidArgument
// names what is wrong.
absl::StatusOr<std::vector<tls::Endpoint>> ParseServer(absl::string_view text);

// Thread-safe.
class Remote {
 public:
  Remote(const tls::Endpoint& endpoint,
         const std::shared_ptr<grpc::ChannelCredentials>& credentials);

  const std::string& name() const { return name_; }
  v1::Btfd::Stub& stub() { return *stub_; }

  // Waits until it is connected, or until it is known that it cannot be.
  bool Connect(absl::Time deadline);
  // Whether it is connected now.
  bool connected() const;

  // After a failure the remote rests: it is not asked for a while. The time
  // doubles with each failure in a row; a success ends it. Failed() and
  // Worked() return true if the state changed.
  bool resting(absl::Time now) const;
  bool Failed(absl::Time now);
  bool Worked();

  // True until the remote answered that it does not know FindResult.
  std::atomic<bool> finds_results{true};

 private:
  const std::string name_;
  const std::shared_ptr<grpc::Channel> channel_;
  const std::unique_ptr<v1::Btfd::Stub> stub_;

  mutable absl::Mutex mutex_;
  absl::Time rests_until_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  absl::Duration rest_ ABSL_GUARDED_BY(mutex_) = absl::ZeroDuration();
};

}  // namespace btfd::daemon

#endif  // BTFD_DAEMON_FORWARD_REMOTE_H_
