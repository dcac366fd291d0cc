// SPDX-License-Identifier: Apache-2.0
#include "daemon/listen/network_listener.h"

#include <grpc/grpc.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_credentials_options.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/listen/key_files.h"
#include "daemon/tls/client_credentials.h"
#include "lib/util/status_macros.h"

namespace btfd::daemon {

namespace {

// The seconds after which a renewed file is noticed at the latest.
constexpr unsigned kRefreshSeconds = 5;
// Clients send a ping 15 s after the last byte of a connection. More frequent
// pings are misuse.
constexpr int kLeastPingIntervalMs = 5'000;
// A builder that was switched off is noticed after this time.
constexpr int kKeepaliveTimeMs = 60'000;
constexpr int kKeepaliveTimeoutMs = 20'000;
constexpr std::chrono::seconds kHealthGrace(1);

bool ShowsCertificate(const Options& options) {
  return !options.tls_certificate.empty();
}

bool AsksForCertificate(const Options& options) {
  return !options.tls_client_ca.empty();
}

absl::StatusOr<tls::Endpoint> ParseAddress(absl::string_view option,
                                           const std::string& address) {
  auto endpoint = tls::ParseEndpoint(absl::StrCat("grpc://", address));
  if (endpoint.ok()) return endpoint;
  return absl::InvalidArgumentError(
      absl::StrCat(option, " = ", address,
                   ": must be HOST:PORT; 0.0.0.0 or [::] is every address"));
}

std::shared_ptr<grpc::ServerCredentials> Credentials(const Options& options) {
  if (!ShowsCertificate(options)) return grpc::InsecureServerCredentials();
  grpc::experimental::TlsServerCredentialsOptions tls(
      std::make_shared<grpc::experimental::FileWatcherCertificateProvider>(
          options.tls_key, options.tls_certificate, options.tls_client_ca,
          kRefreshSeconds));
  tls.watch_identity_key_cert_pairs();
  if (AsksForCertificate(options)) {
    tls.watch_root_certs();
    tls.set_cert_request_type(
        GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  }
  return grpc::experimental::TlsServerCredentials(tls);
}

}  // namespace

absl::Status CheckNetworkListener(const Options& options) {
  if (!options.health_listen.empty()) {
    RETURN_IF_ERROR(
        ParseAddress("health_listen", options.health_listen).status());
  }
  if (options.listen.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const tls::Endpoint endpoint,
                   ParseAddress("listen", options.listen));
  if (options.tls_certificate.empty() != options.tls_key.empty()) {
    return absl::InvalidArgumentError(
        "tls_certificate and tls_key go together; only one is set");
  }
  if (AsksForCertificate(options) && !ShowsCertificate(options)) {
    return absl::InvalidArgumentError(
        "tls_client_ca needs tls_certificate and tls_key");
  }
  if (!endpoint.loopback && !options.listen_insecure &&
      !AsksForCertificate(options)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "listen = ", options.listen,
        ": beyond loopback this needs tls_certificate, tls_key and "
        "tls_client_ca, so that not everybody who reaches the port may "
        "connect; if everybody shall, say so: listen_insecure = "
        "yes-anyone-may-connect"));
  }
  if (ShowsCertificate(options)) {
    RETURN_IF_ERROR(CheckKeyPair(options.tls_certificate, options.tls_key));
  }
  if (AsksForCertificate(options)) {
    RETURN_IF_ERROR(CheckCertificates("tls_client_ca", options.tls_client_ca));
  }
  return absl::OkStatus();
}

void AddNetworkListener(const Options& options, grpc::ServerBuilder* builder,
                        int* bound) {
  *bound = 0;
  if (options.listen.empty()) return;
  // If two daemons listened on one port, each would get some of the
  // connections.
  builder->AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder->AddChannelArgument(
      GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
      kLeastPingIntervalMs);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveTimeMs);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS,
                              kKeepaliveTimeoutMs);
  builder->AddListeningPort(options.listen, Credentials(options), bound);
}

std::string DescribeNetworkListener(const Options& options) {
  const char* how = "in the clear: whoever reaches it may connect";
  if (AsksForCertificate(options)) {
    how = "TLS with client certificates";
  } else if (ShowsCertificate(options)) {
    how = "TLS without client certificates: whoever reaches it may connect";
  }
  return absl::StrCat("listening at ", options.listen, ", ", how);
}

HealthPort::HealthPort(std::unique_ptr<grpc::Server> server)
    : server_(std::move(server)) {}

HealthPort::~HealthPort() {
  server_->Shutdown(std::chrono::system_clock::now() + kHealthGrace);
  server_->Wait();
}

absl::StatusOr<std::unique_ptr<HealthPort>> HealthPort::Start(
    const std::string& address) {
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  grpc::ServerBuilder builder;
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.AddListeningPort(address, grpc::InsecureServerCredentials());
  using Sync = grpc::ServerBuilder::SyncServerOption;
  builder.SetSyncServerOption(Sync::NUM_CQS, 1);
  builder.SetSyncServerOption(Sync::MAX_POLLERS, 1);
  std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr) {
    return absl::UnavailableError(
        absl::StrCat("cannot listen at health_listen = ", address,
                     "; is another program there?"));
  }
  return std::unique_ptr<HealthPort>(new HealthPort(std::move(server)));
}

void HealthPort::SetServing(bool serving) {
  server_->GetHealthCheckService()->SetServingStatus(serving);
}

}  // namespace btfd::daemon
