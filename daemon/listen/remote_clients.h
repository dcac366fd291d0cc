// SPDX-License-Identifier: Apache-2.0
//
// Calls from the network: which calls a remote client may make, and how many
// requests and bytes one client may have in flight, so that one client cannot
// take the whole daemon. A client is named by its certificate (the first
// subject alternative name, else the subject's common name), or by its address
// if there are no certificates. Calls that come by the Unix socket are always
// admitted.
//
//   Greet, Finalize, FindResult, AddBase   yes
//   ReadBase           yes: who has the digest knows which base it is
//   FinalizeStream     no: single calls can be spread by a balancer
//   BindFileKey        no: file keys are of this machine
//   ListBases, GetStatus   no: they tell of files and paths of this machine
//   RemoveBase, ReportEvents, Shutdown     no: the daemon is not theirs
#ifndef BTFD_DAEMON_LISTEN_REMOTE_CLIENTS_H_
#define BTFD_DAEMON_LISTEN_REMOTE_CLIENTS_H_

#include <grpcpp/server_context.h>

#include <cstdint>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "lib/store/counters.h"

namespace btfd::daemon {

// Thread-safe. Must outlive its passes.
class RemoteClients {
 public:
  // 0: no bound. `counters` must outlive it.
  RemoteClients(uint32_t max_requests, uint64_t max_bytes,
                store::Counters* counters)
      : max_requests_(max_requests),
        max_bytes_(max_bytes),
        counters_(counters) {}

  // One call in flight, from Admit() until the pass is destroyed.
  class Pass {
   public:
    Pass() = default;
    Pass(Pass&& other) noexcept
        : remote_clients_(std::exchange(other.remote_clients_, nullptr)),
          client_(std::move(other.client_)),
          bytes_(other.bytes_) {}
    Pass& operator=(Pass&&) = delete;
    ~Pass() {
      if (remote_clients_ != nullptr) remote_clients_->Leave(client_, bytes_);
    }
    // Whether the call came from the network.
    bool is_remote() const { return remote_clients_ != nullptr; }

   private:
    friend class RemoteClients;
    Pass(RemoteClients* clients, std::string client, uint64_t bytes)
        : remote_clients_(clients), client_(std::move(client)), bytes_(bytes) {}
    RemoteClients* remote_clients_ = nullptr;
    std::string client_;
    uint64_t bytes_ = 0;
  };

  // `method` as in proto/btfd.proto. PermissionDenied if it is not for remote
  // clients; ResourceExhausted if the client has too much in flight. One
  // request alone is let in whatever its size.
  absl::StatusOr<Pass> Admit(const grpc::ServerContext& context,
                             absl::string_view method, uint64_t bytes);
  // The same, knowing who it is; empty: by the Unix socket.
  absl::StatusOr<Pass> Admit(const std::string& client,
                             absl::string_view method, uint64_t bytes);

 private:
  struct Load {
    uint32_t requests = 0;
    uint64_t bytes = 0;
  };

  void Leave(const std::string& client, uint64_t bytes);

  const uint32_t max_requests_;
  const uint64_t max_bytes_;
  store::Counters* const counters_;
  absl::Mutex mutex_;
  absl::flat_hash_map<std::string, Load> loads_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace btfd::daemon

#endif  // BTFD_DAEMON_LISTEN_REMOTE_CLIENTS_H_
