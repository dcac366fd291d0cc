// SPDX-License-Identifier: Apache-2.0
//
// Server: the running daemon. It has the service behind a gRPC server, and the
// loop of the main thread, which accepts connections, handles signals, cleans
// up, and decides when to end.
#ifndef BTFD_DAEMON_SERVER_H_
#define BTFD_DAEMON_SERVER_H_

#include <grpcpp/server.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "daemon/forward/forwarder.h"
#include "daemon/listen/network_listener.h"
#include "daemon/metrics/http_port.h"
#include "daemon/remote_cache/shared_cache.h"
#include "daemon/rpc/connections.h"
#include "daemon/rpc/service.h"
#include "daemon/rpc/stall_watch.h"
#include "daemon/startup/options.h"
#include "daemon/startup/socket.h"
#include "lib/store/counters.h"
#include "lib/store/store.h"
#include "lib/util/file.h"
#include "lib/util/log.h"

namespace btfd::daemon {

// One thread makes it, runs it and destroys it.
class Server {
 public:
  // Blocks SIGTERM, SIGINT and SIGHUP in this thread and in all that are
  // started later, so that Run() gets them. Call it before any thread is
  // started.
  static void BlockSignals();

  // Opens the store and starts gRPC. If the store cannot be opened, the daemon
  // works without one. `log` must outlive it. `listener` may be null if Run()
  // is not called. Precondition: BlockSignals() was called.
  static absl::StatusOr<std::unique_ptr<Server>> Start(
      const Options& options, std::unique_ptr<Listener> listener,
      util::Log* log);
  ~Server();

  // Serves until SIGTERM or SIGINT, a client's Shutdown, a long time without
  // work, or the loss of the socket. Then lets requests in flight end.
  void Run();

  // What is wrong with the settings. The daemon works without these settings.
  const std::vector<std::string>& complaints() const {
    return options_.complaints;
  }

 private:
  Server(const Options& options, std::unique_ptr<Listener> listener,
         util::Log* log);
  // Starts all that Run() needs. It calls the following steps in this order.
  absl::Status Open();
  absl::Status OpenSignals();
  std::string OpenStore();
  absl::Status OpenForwarder();
  absl::Status OpenSharedCache();
  absl::Status OpenHealthPort();
  absl::Status OpenMetricsPort();
  absl::Status OpenGrpc(const std::string& store_path);
  void MakeService(const std::string& store_path);
  absl::Status Excuse(const absl::Status& failure, absl::string_view option);

  // Waits for the next event and handles it. Returns the reason to end; null if
  // there is none.
  const char* RunOnce();
  const char* OnSignal();
  // Accepts all connections that wait.
  void AcceptAll();
  void TurnAway();
  void EndStalledCalls(absl::Time now);
  absl::Duration UntilNextChore() const;
  const char* DoChores();
  void Drain();

  Options options_;  // complaints are added until gRPC starts
  std::unique_ptr<Listener> listener_;
  util::Log* const log_;

  util::UniqueFd signals_;  // signalfd
  util::UniqueFd stop_;     // eventfd: a client asked to stop
  absl::Time next_tidy_ = absl::InfinitePast();
  absl::Time next_look_ = absl::InfinitePast();
  uint64_t trimmed_at_ = 0;  // calls begun when memory was last given back
  absl::Time next_stall_check_ = absl::InfinitePast();
  absl::Time accept_again_ = absl::InfinitePast();
  absl::Time next_turned_away_note_ = absl::InfinitePast();
  Connections connections_;

  store::Counters counters_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<Forwarder> forwarder_;  // null: no forwarding
  std::unique_ptr<SharedCache> shared_;   // null: no shared cache
  std::unique_ptr<Service> service_;
  StallWatch stalls_;
  std::unique_ptr<grpc::Server> grpc_;
  std::unique_ptr<HealthPort> health_port_;  // null: none
  std::unique_ptr<HttpPort> metrics_port_;   // null: none
};

}  // namespace btfd::daemon

#endif  // BTFD_DAEMON_SERVER_H_
