// SPDX-License-Identifier: Apache-2.0
//
// How the daemon shows itself to what is remote: where that is, whom it trusts
// to be it, and what it proves itself with. Shared by all that opens channels
// of its own (a shared cache, another daemon).
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
  std::string target;   // as gRPC's channels take it
  // Names this machine alone: what is sent there in the clear stays here.
  bool loopback = false;
};

// "grpc://HOST:PORT" or "grpcs://HOST:PORT"; IPv6 addresses in brackets.
absl::StatusOr<Endpoint> ParseEndpoint(absl::string_view text);

// PEM files. They are read anew when they change, so that certificates may be
// renewed under a running daemon; replace key and certificate together (a
// symbolic link to their directory).
struct ClientFiles {
  std::string ca;           // empty: the certificate authorities of the machine
  std::string certificate;  // empty: none is shown; else with `key`
  std::string key;
};

// TLS where the server's certificate must be for the host that was called.
// What is wrong with a file at the beginning is an error here; later on it is
// logged by gRPC, and the last good content stays in use.
absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> TlsChannelCredentials(
    const ClientFiles& files);

}  // namespace btfd::daemon::tls

#endif  // BTFD_DAEMON_TLS_CLIENT_CREDENTIALS_H_
