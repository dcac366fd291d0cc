// SPDX-License-Identifier: Apache-2.0
#include "daemon/forward/remote.h"

#include <grpc/grpc.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/support/channel_arguments.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"

namespace btfd::daemon {

namespace {

// A host that is switched off does not even refuse a connection.
constexpr absl::Duration kConnectLimit = absl::Seconds(2);
constexpr absl::Duration kFirstRest = absl::Seconds(1);
constexpr absl::Duration kLongestRest = absl::Seconds(10);

constexpr int kKeepaliveTimeMs = 15'000;
constexpr int kKeepaliveTimeoutMs = 5'000;
constexpr int kFirstBackoffMs = 250;
constexpr int kLongestBackoffMs = 5'000;
// gRPC can repeat a call only while it holds its bytes. Larger calls fail, and
// then we repeat them.
constexpr int kRetryBytes = 4 << 20;

// Every call may be repeated, because the same bytes give the same answer. An
// empty `name` means all services.
constexpr char kServiceConfig[] = R"({
  "loadBalancingConfig": [{"round_robin": {}}],
  "healthCheckConfig": {"serviceName": ""},
  "methodConfig": [{
    "name": [{}],
    "retryPolicy": {
      "maxAttempts": 3,
      "initialBackoff": "0.05s",
      "maxBackoff": "0.5s",
      "backoffMultiplier": 2,
      "retryableStatusCodes": ["UNAVAILABLE"]
    }
  }]
})";

grpc::ChannelArguments Arguments() {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(-1);
  arguments.SetMaxSendMessageSize(-1);
  arguments.SetServiceConfigJSON(kServiceConfig);
  arguments.SetInt(GRPC_ARG_PER_RPC_RETRY_BUFFER_SIZE, kRetryBytes);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveTimeMs);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMs);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, kFirstBackoffMs);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kLongestBackoffMs);
  return arguments;
}

}  // namespace

absl::StatusOr<std::vector<tls::Endpoint>> ParseServer(absl::string_view text) {
  const absl::Status malformed = absl::InvalidArgumentError(
      absl::StrCat("server = ", text,
                   ": must be grpcs://HOST:PORT[,HOST:PORT], grpc://... in the "
                   "clear, or dns:///NAME:PORT"));
  std::vector<tls::Endpoint> endpoints;
  absl::string_view rest = text;
  const bool is_name = absl::ConsumePrefix(&rest, "dns:///");
  absl::string_view scheme = "grpcs://";
  if (!is_name && !absl::ConsumePrefix(&rest, scheme)) {
    scheme = "grpc://";
    if (!absl::ConsumePrefix(&rest, scheme)) return malformed;
  }
  for (const absl::string_view entry : absl::StrSplit(rest, ',')) {
    auto endpoint = tls::ParseEndpoint(absl::StrCat(scheme, entry));
    if (!endpoint.ok()) return malformed;
    // gRPC's own resolver, which resolves the name again when a connection
    // breaks.
    if (is_name) endpoint->target = absl::StrCat("dns:///", entry);
    endpoints.push_back(*std::move(endpoint));
  }
  return endpoints;
}

Remote::Remote(const tls::Endpoint& endpoint,
               const std::shared_ptr<grpc::ChannelCredentials>& credentials)
    : name_(endpoint.target),
      channel_(
          grpc::CreateCustomChannel(endpoint.target, credentials, Arguments())),
      stub_(v1::Btfd::NewStub(channel_)) {}

bool Remote::Connect(absl::Time deadline) {
  deadline = std::min(deadline, absl::Now() + kConnectLimit);
  while (true) {
    const grpc_connectivity_state state = channel_->GetState(true);
    if (state == GRPC_CHANNEL_READY) return true;
    if (state == GRPC_CHANNEL_TRANSIENT_FAILURE ||
        state == GRPC_CHANNEL_SHUTDOWN ||
        !channel_->WaitForStateChange(state, absl::ToChronoTime(deadline))) {
      return false;
    }
  }
}

bool Remote::connected() const {
  return channel_->GetState(/*try_to_connect=*/false) == GRPC_CHANNEL_READY;
}

bool Remote::resting(absl::Time now) const {
  absl::ReaderMutexLock lock(&mutex_);
  return now < rests_until_;
}

bool Remote::Failed(absl::Time now) {
  absl::MutexLock lock(&mutex_);
  const bool news = rest_ == absl::ZeroDuration();
  // Many calls fail at the same time; that counts as one failure.
  if (now < rests_until_) return false;
  rest_ = std::min(kLongestRest, std::max(kFirstRest, 2 * rest_));
  rests_until_ = now + rest_;
  return news;
}

bool Remote::Worked() {
  absl::MutexLock lock(&mutex_);
  const bool news = rest_ != absl::ZeroDuration();
  rest_ = absl::ZeroDuration();
  rests_until_ = absl::InfinitePast();
  return news;
}

}  // namespace btfd::daemon
