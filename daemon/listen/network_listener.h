// SPDX-License-Identifier: Apache-2.0
//
// The network listener: at which address the daemon listens for remote daemons,
// and with which credentials. On the Unix socket the kernel says which user
// connects. Over the network only a certificate can say that. So beyond
// loopback both sides must show a certificate, unless the option
// `listen_insecure` says that anyone may connect.
#ifndef BTFD_DAEMON_LISTEN_NETWORK_LISTENER_H_
#define BTFD_DAEMON_LISTEN_NETWORK_LISTENER_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daemon/startup/options.h"

namespace grpc {
class Server;
class ServerBuilder;
}  // namespace grpc

namespace btfd::daemon {

// Checks addresses, files and their combination. InvalidArgument names the
// option and says what to do.
absl::Status CheckNetworkListener(const Options& options);

// Has the server listen at options.listen, if there is one. Certificates and
// keys are read anew when their files change; what is wrong with them then is
// logged by gRPC, and the last good ones stay in use. `bound` is 0 or the port
// after the server was started.
// Precondition: CheckNetworkListener found nothing.
void AddNetworkListener(const Options& options, grpc::ServerBuilder* builder,
                        int* bound);

// One line for the log: the address, and which certificates are asked for.
std::string DescribeNetworkListener(const Options& options);

// grpc.health.v1 at a port of its own, in the clear: balancers ask there
// whether the daemon serves without being able to ask for anything else. One
// thread uses it.
class HealthPort {
 public:
  // Unavailable if it cannot listen there.
  static absl::StatusOr<std::unique_ptr<HealthPort>> Start(
      const std::string& address);
  ~HealthPort();

  void SetServing(bool serving);

 private:
  explicit HealthPort(std::unique_ptr<grpc::Server> server);
  const std::unique_ptr<grpc::Server> server_;
};

}  // namespace btfd::daemon

#endif  // BTFD_DAEMON_LISTEN_NETWORK_LISTENER_H_
