// SPDX-License-Identifier: Apache-2.0
//
// How the daemon connects to remote servers: their address, which certificate
// authority it trusts, and which certificate it shows. Used for the shared
// cache and for other daemons.
//
// Errors are InvalidArgument and name the option's value or the file.
#ifndef BTFD_DAEMON_TLS_CLIENT_CREDENTIALS_H_
#define BTFD_DAEMON_TLS_CLIENT_CREDENTIALS_H_

#include <grpcpp/security/credentials.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace btfd::daemon::tls {

struct Endpoint {
  bool secure = false;  // TLS
  std::string target;   // the form that gRPC's channels take
  // The address is of this machine alone, so plain text does not leave it.
  bool loopback = false;
};

// "grpc://HOST:PORT" or "grpcs://HOST:PORT"; IPv6 addresses in brackets.
absl::StatusOr<Endpoint> ParseEndpoint(absl::string_view text);

// PEM files. They are read again when they change, so that certificates can be
// renewed while the daemon runs. Replace key and certificate together (by a
// symbolic link to their directory).
struct ClientFiles {
  std::string ca;           // empty: the certificate authorities of the machine
  std::string certificate;  // empty: show none; else with `key`
  std::string key;
};

// Credentials for TLS. The server's certificate must be for the host that is
// called. If a file cannot be used at the start, that is an error. Later gRPC
// logs it, and the last good content stays in use.
absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> TlsChannelCredentials(
    const ClientFiles& files);

}  // namespace btfd::daemon::tls

#endif  // BTFD_DAEMON_TLS_CLIENT_CREDENTIALS_H_
