// SPDX-License-Identifier: Apache-2.0
#include "daemon/metrics/http_port.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "lib/util/status_macros.h"

namespace btfd::daemon {

namespace {

constexpr size_t kMaxConnections = 32;
constexpr size_t kMaxRequest = 16 << 10;
constexpr absl::Duration kMaxTime = absl::Seconds(10);

struct Address {
  std::string host;  // without brackets
  sockaddr_storage storage{};
  socklen_t size = 0;
};

absl::StatusOr<Address> Parse(absl::string_view text) {
  const size_t colon = text.rfind(':');
  uint32_t port = 0;
  if (colon == absl::string_view::npos ||
      !absl::SimpleAtoi(text.substr(colon + 1), &port) || port > 65535) {
    return absl::InvalidArgumentError(
        absl::StrCat(text, ": must be HOST:PORT, such as 127.0.0.1:9464"));
  }
  Address address;
  absl::string_view host = text.substr(0, colon);
  if (absl::ConsumePrefix(&host, "[")) absl::ConsumeSuffix(&host, "]");
  address.host = std::string(host);
  const std::string numeric = host == "localhost" ? "127.0.0.1" : address.host;
  auto* const v4 = reinterpret_cast<sockaddr_in*>(&address.storage);
  auto* const v6 = reinterpret_cast<sockaddr_in6*>(&address.storage);
  if (inet_pton(AF_INET, numeric.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(static_cast<uint16_t>(port));
    address.size = sizeof(*v4);
  } else if (inet_pton(AF_INET6, numeric.c_str(), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(static_cast<uint16_t>(port));
    address.size = sizeof(*v6);
  } else {
    return absl::InvalidArgumentError(absl::StrCat(
        text, ": HOST must be localhost or an address of this machine"));
  }
  return address;
}

const char* ReasonOf(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    default:
      return "Service Unavailable";
  }
}

std::string Serialize(const HttpAnswer& answer, bool with_body) {
  return absl::StrCat(
      "HTTP/1.1 ", answer.status, " ", ReasonOf(answer.status),
      "\r\nContent-Type: ", answer.content_type,
      "\r\nContent-Length: ", answer.body.size(),
      "\r\nConnection: close\r\nCache-Control: no-store"
      "\r\nX-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer"
      "\r\nContent-Security-Policy: default-src 'none'; style-src "
      "'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; "
      "frame-ancestors 'none'\r\n\r\n",
      with_body ? answer.body : "");
}

// A page of somebody's, opened in a browser here, could have its name lead to
// this port and read what it says; an address as such cannot be forged so.
bool IsOwnName(absl::string_view host_header, const std::string& host) {
  absl::string_view name = host_header;
  if (absl::ConsumePrefix(&name, "[")) {
    name = name.substr(0, name.find(']'));
  } else {
    name = name.substr(0, name.find(':'));
  }
  in6_addr ignored;
  const std::string text(name);
  return text.empty() || text == host || text == "localhost" ||
         inet_pton(AF_INET, text.c_str(), &ignored) == 1 ||
         inet_pton(AF_INET6, text.c_str(), &ignored) == 1;
}

}  // namespace

bool IsLoopback(absl::string_view address) {
  const absl::StatusOr<Address> parsed = Parse(address);
  if (!parsed.ok()) return false;
  if (parsed->storage.ss_family == AF_INET) {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(&parsed->storage);
    return ntohl(v4->sin_addr.s_addr) >> 24 == 127;
  }
  const auto* v6 = reinterpret_cast<const sockaddr_in6*>(&parsed->storage);
  return IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
}

absl::StatusOr<std::unique_ptr<HttpPort>> HttpPort::Listen(
    const std::string& address) {
  ASSIGN_OR_RETURN(Address parsed, Parse(address));
  util::UniqueFd listener(socket(
      parsed.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  util::UniqueFd stop(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  const int on = 1;
  auto* const where = reinterpret_cast<sockaddr*>(&parsed.storage);
  if (!listener || !stop ||
      setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) !=
          0 ||
      bind(listener.get(), where, parsed.size) != 0 ||
      listen(listener.get(), kMaxConnections) != 0 ||
      getsockname(listener.get(), where, &parsed.size) != 0) {
    return absl::UnavailableError(
        absl::StrCat("cannot listen at ", address, ": ", strerror(errno)));
  }
  // The ports of both families are in the same place.
  const int port = ntohs(reinterpret_cast<const sockaddr_in*>(where)->sin_port);
  return std::unique_ptr<HttpPort>(
      new HttpPort(std::move(listener), std::move(stop), port,
                   IsLoopback(address) ? std::move(parsed.host) : ""));
}

HttpPort::HttpPort(util::UniqueFd listener, util::UniqueFd stop, int port,
                   std::string own_host)
    : listener_(std::move(listener)),
      stop_(std::move(stop)),
      port_(port),
      own_host_(std::move(own_host)) {}

void HttpPort::Serve(Handler handler) {
  handler_ = std::move(handler);
  thread_ = std::thread([this] { Run(); });
}

HttpPort::~HttpPort() {
  if (!thread_.joinable()) return;
  eventfd_write(stop_.get(), 1);
  thread_.join();
}

void HttpPort::Run() {
  while (true) {
    std::vector<pollfd> waiting = {{stop_.get(), POLLIN, 0},
                                   {listener_.get(), POLLIN, 0}};
    // Who comes now waits in the socket's queue.
    if (connections_.size() >= kMaxConnections) waiting[1].fd = -1;
    absl::Time next = absl::InfiniteFuture();
    for (const Connection& connection : connections_) {
      const short events = connection.out.empty() ? POLLIN : POLLOUT;
      waiting.push_back({connection.fd.get(), events, 0});
      next = std::min(next, connection.until);
    }
    const int limit =
        connections_.empty()
            ? -1
            : static_cast<int>(std::max<int64_t>(
                  0, absl::ToInt64Milliseconds(next - absl::Now()) + 1));
    if (poll(waiting.data(), waiting.size(), limit) < 0 && errno != EINTR) {
      return;
    }
    if (waiting[0].revents != 0) return;
    const absl::Time now = absl::Now();
    std::vector<Connection> going_on;
    for (size_t i = 0; i < connections_.size(); ++i) {
      const bool stirs = waiting[i + 2].revents != 0;
      if (now < connections_[i].until &&
          (!stirs || Advance(&connections_[i]))) {
        going_on.push_back(std::move(connections_[i]));
      }
    }
    connections_ = std::move(going_on);
    if (waiting[1].revents != 0) Accept();
  }
}

void HttpPort::Accept() {
  while (connections_.size() < kMaxConnections) {
    util::UniqueFd fd(accept4(listener_.get(), nullptr, nullptr,
                              SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!fd) return;
    connections_.push_back({std::move(fd), absl::Now() + kMaxTime, "", ""});
  }
}

bool HttpPort::Advance(Connection* connection) {
  if (connection->out.empty()) {
    char buffer[4096];
    const ssize_t got = recv(connection->fd.get(), buffer, sizeof(buffer), 0);
    if (got < 0) return errno == EAGAIN || errno == EINTR;
    if (got == 0) return false;
    connection->in.append(buffer, static_cast<size_t>(got));
    const bool whole = absl::StrContains(connection->in, "\r\n\r\n");
    if (!whole && connection->in.size() < kMaxRequest) return true;
    connection->out = whole
                          ? Answer(connection->in)
                          : Serialize({400, "text/plain", "too long\n"}, true);
  }
  const ssize_t sent = send(connection->fd.get(), connection->out.data(),
                            connection->out.size(), MSG_NOSIGNAL);
  if (sent < 0) return errno == EAGAIN || errno == EINTR;
  connection->out.erase(0, static_cast<size_t>(sent));
  return !connection->out.empty();
}

std::string HttpPort::Answer(absl::string_view request) const {
  const std::vector<absl::string_view> lines = absl::StrSplit(request, "\r\n");
  const std::vector<absl::string_view> words = absl::StrSplit(lines[0], ' ');
  if (words.size() != 3 || !absl::StartsWith(words[2], "HTTP/1.") ||
      !absl::StartsWith(words[1], "/")) {
    return Serialize({400, "text/plain", "no request of HTTP/1.1\n"}, true);
  }
  for (const absl::string_view line : lines) {
    const std::pair<absl::string_view, absl::string_view> header =
        absl::StrSplit(line, absl::MaxSplits(':', 1));
    if (!own_host_.empty() && absl::EqualsIgnoreCase(header.first, "host") &&
        !IsOwnName(absl::StripAsciiWhitespace(header.second), own_host_)) {
      return Serialize({403, "text/plain", "not under that name\n"}, true);
    }
  }
  const bool head = words[0] == "HEAD";
  if (words[0] != "GET" && !head) {
    return Serialize({405, "text/plain", "GET is all there is\n"}, true);
  }
  return Serialize(handler_(words[1].substr(0, words[1].find('?'))), !head);
}

}  // namespace btfd::daemon
