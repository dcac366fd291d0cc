// SPDX-License-Identifier: Apache-2.0
#include "daemon/listen/remote_clients.h"

#include <grpcpp/security/auth_context.h>

#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace btfd::daemon {

namespace {

using store::Counter;

constexpr absl::string_view kForRemoteClients[] = {
    "Greet", "Finalize", "FindResult", "AddBase", "ReadBase"};

bool IsForRemoteClients(absl::string_view method) {
  for (const absl::string_view name : kForRemoteClients) {
    if (name == method) return true;
  }
  return false;
}

// The client's name; empty if it came by the Unix socket. gRPC names those
// connections, which the daemon accepted itself, by their descriptors.
std::string ClientOf(const grpc::ServerContext& context) {
  const std::string peer = context.peer();
  if (absl::StartsWith(peer, "fd:") || absl::StartsWith(peer, "unix:")) {
    return "";
  }
  const std::shared_ptr<const grpc::AuthContext> proof = context.auth_context();
  if (proof != nullptr && proof->IsPeerAuthenticated()) {
    for (const grpc::string_ref& name : proof->GetPeerIdentity()) {
      return std::string(name.data(), name.size());
    }
  }
  // Each connection has another port.
  return peer.substr(0, peer.rfind(':'));
}

}  // namespace

absl::StatusOr<RemoteClients::Pass> RemoteClients::Admit(
    const grpc::ServerContext& context, absl::string_view method,
    uint64_t bytes) {
  return Admit(ClientOf(context), method, bytes);
}

absl::StatusOr<RemoteClients::Pass> RemoteClients::Admit(
    const std::string& client, absl::string_view method, uint64_t bytes) {
  if (client.empty()) return Pass();
  if (!IsForRemoteClients(method)) {
    counters_->Add(Counter::kListenRefused);
    return absl::PermissionDeniedError(absl::StrCat(
        method, " is not offered over the network, only to this machine"));
  }
  absl::MutexLock lock(&mutex_);
  Load& load = loads_[client];
  const bool too_many = max_requests_ != 0 && load.requests >= max_requests_;
  const bool too_much =
      max_bytes_ != 0 && load.requests != 0 && load.bytes + bytes > max_bytes_;
  if (too_many || too_much) {
    counters_->Add(Counter::kListenLimited);
    return absl::ResourceExhaustedError(absl::StrCat(
        client, " has ", load.requests, " requests with ", load.bytes,
        " bytes in flight; at most ",
        too_many
            ? absl::StrCat(max_requests_, " requests (max_client_requests)")
            : absl::StrCat(max_bytes_, " bytes (max_client_bytes)"),
        " are taken"));
  }
  counters_->Add(Counter::kListenRequests);
  ++load.requests;
  load.bytes += bytes;
  return Pass(this, client, bytes);
}

void RemoteClients::Leave(const std::string& client, uint64_t bytes) {
  absl::MutexLock lock(&mutex_);
  const auto found = loads_.find(client);
  found->second.bytes -= bytes;
  if (--found->second.requests == 0) loads_.erase(found);
}

}  // namespace btfd::daemon
