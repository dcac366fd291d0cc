// SPDX-License-Identifier: Apache-2.0
//
// A port that answers GET over HTTP/1.1 (RFC 9112), one request a connection:
// for Prometheus and a browser, not for the world. Bounded in all that a peer
// can bring: connections, bytes of a request, time.
#ifndef BTFD_DAEMON_METRICS_HTTP_PORT_H_
#define BTFD_DAEMON_METRICS_HTTP_PORT_H_

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "lib/util/file.h"

namespace btfd::daemon {

struct HttpAnswer {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
};

class HttpPort {
 public:
  // Answers the path of a GET, without its query. Called by one thread of the
  // port's own.
  using Handler = std::function<HttpAnswer(absl::string_view path)>;

  // Listens at HOST:PORT. HOST is an address or localhost; port 0 means any
  // free one. InvalidArgument if that is no address, Unavailable if it is
  // taken. Clients that connect wait for Serve().
  static absl::StatusOr<std::unique_ptr<HttpPort>> Listen(
      const std::string& address);
  // Answers from now on. To be called once.
  void Serve(Handler handler);
  // Ends at once, whatever is under way.
  ~HttpPort();
  HttpPort(const HttpPort&) = delete;
  HttpPort& operator=(const HttpPort&) = delete;

  int port() const { return port_; }

 private:
  struct Connection {
    util::UniqueFd fd;
    absl::Time until;
    std::string in;
    std::string out;  // not empty: the answer is on its way
  };

  HttpPort(util::UniqueFd listener, util::UniqueFd stop, int port,
           std::string own_host);
  void Run();
  void Accept();
  // False once it is done with.
  bool Advance(Connection* connection);
  std::string Answer(absl::string_view request) const;

  const util::UniqueFd listener_;
  const util::UniqueFd stop_;  // an eventfd
  const int port_;
  // On loopback: the only name besides localhost that a request may call us by.
  // Elsewhere empty: we have names that we do not know.
  const std::string own_host_;
  Handler handler_;
  std::vector<Connection> connections_;
  std::thread thread_;
};

// Whether HOST of HOST:PORT is this machine's alone.
bool IsLoopback(absl::string_view address);

}  // namespace btfd::daemon

#endif  // BTFD_DAEMON_METRICS_HTTP_PORT_H_
