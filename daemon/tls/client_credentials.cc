// SPDX-License-Identifier: Apache-2.0
#include "daemon/tls/client_credentials.h"

#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_credentials_options.h>

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "lib/util/file.h"
#include "lib/util/status_macros.h"

namespace btfd::daemon::tls {

namespace {

// The seconds after which a renewed file is noticed at the latest.
constexpr unsigned kRefreshSeconds = 30;

absl::Status CheckPem(const std::string& path, absl::string_view what) {
  const absl::StatusOr<std::string> content = util::ReadFile(path);
  if (!content.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat(what, ": ", content.status().message()));
  }
  if (absl::StrContains(*content, "-----BEGIN ")) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(what, ": ", path, ": holds no PEM"));
}

bool IsLoopback(absl::string_view host) {
  return host == "localhost" || host == "[::1]" ||
         (absl::StartsWith(host, "127.") &&
          host.find_first_not_of("0123456789.") == host.npos);
}

}  // namespace

absl::StatusOr<Endpoint> ParseEndpoint(absl::string_view text) {
  const absl::Status malformed = absl::InvalidArgumentError(
      absl::StrCat("not grpc://HOST:PORT or grpcs://HOST:PORT: ", text));
  Endpoint endpoint;
  absl::string_view rest = text;
  if (absl::ConsumePrefix(&rest, "grpcs://")) {
    endpoint.secure = true;
  } else if (!absl::ConsumePrefix(&rest, "grpc://")) {
    return malformed;
  }
  const size_t colon = rest.rfind(':');
  if (colon == rest.npos || colon == 0) return malformed;
  const absl::string_view host = rest.substr(0, colon);
  uint32_t port;
  if (!absl::SimpleAtoi(rest.substr(colon + 1), &port) || port == 0 ||
      port > 65535) {
    return malformed;
  }
  const bool bracketed =
      absl::StartsWith(host, "[") && absl::EndsWith(host, "]");
  if (host.find_first_of("/@?# ") != host.npos ||
      (absl::StrContains(host, ':') && !bracketed)) {
    return malformed;
  }
  endpoint.target = std::string(rest);
  endpoint.loopback = IsLoopback(host);
  return endpoint;
}

absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> TlsChannelCredentials(
    const ClientFiles& files) {
  if (files.certificate.empty() != files.key.empty()) {
    return absl::InvalidArgumentError(
        "a client certificate and its key go together; only one is named");
  }
  const bool identity = !files.certificate.empty();
  if (!files.ca.empty()) RETURN_IF_ERROR(CheckPem(files.ca, "CA file"));
  if (identity) {
    RETURN_IF_ERROR(CheckPem(files.certificate, "client certificate"));
    RETURN_IF_ERROR(CheckPem(files.key, "client key"));
  }

  grpc::experimental::TlsChannelCredentialsOptions options;
  if (identity || !files.ca.empty()) {
    options.set_certificate_provider(
        std::make_shared<grpc::experimental::FileWatcherCertificateProvider>(
            files.key, files.certificate, files.ca, kRefreshSeconds));
  }
  if (!files.ca.empty()) options.watch_root_certs();
  if (identity) options.watch_identity_key_cert_pairs();
  auto credentials = grpc::experimental::TlsCredentials(options);
  if (credentials == nullptr) {
    return absl::InvalidArgumentError("gRPC does not take the TLS files");
  }
  return credentials;
}

}  // namespace btfd::daemon::tls
