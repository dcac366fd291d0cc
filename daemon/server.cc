// SPDX-License-Identifier: Apache-2.0
//
// The daemon ends in this order: It removes its socket, so that no new client
// finds it and a new daemon may take its place. It accepts the clients that
// connected before. From then on requests get DRAINING. Requests in flight end.
// gRPC stops. What is pending is written to the store. An alarm bounds the time
// for all that.
#include "daemon/server.h"

#include <errno.h>
#include <grpc/compression.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/resource_quota.h>
#include <grpcpp/server_builder.h>
#include <grpcpp/server_posix.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "daemon/metrics/metrics_port.h"
#include "daemon/remote_cache/open.h"
#include "daemon/rpc/stream_limit.h"
#include "lib/engine/pipeline.h"
#include "lib/util/status_macros.h"
#include "lib/util/version.h"
#include "lib/wire/keep_grpc.h"

namespace btfd::daemon {

namespace {

constexpr absl::Duration kTidyEvery = absl::Seconds(30);
// How often the socket is checked if the kernel does not watch it. Meanwhile a
// new daemon waits for its place (kClaimLimit).
constexpr absl::Duration kLookEvery = absl::Seconds(1);
// If there are no descriptors left, other connections must be closed first.
constexpr absl::Duration kAcceptPause = absl::Milliseconds(100);
// The least time between two log lines that say that connections are refused.
constexpr absl::Duration kNoteEvery = absl::Seconds(10);
// The time for gRPC and the store after the requests in flight have ended.
constexpr absl::Duration kGrpcGrace = absl::Seconds(2);
constexpr absl::Duration kStoreGrace = absl::Seconds(5);
// A message has one module's BTF, base and ids, with names and framing.
constexpr uint64_t kMessageOverhead = uint64_t{16} << 20;
// Each waiting request needs a thread, and a thread needs little memory; more
// than this are of no use.
constexpr int kMoreThreads = 64;

sigset_t OurSignals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, signal);
  return set;
}

// Our clients send little more metadata than the name of the method.
constexpr int kMaxMetadataBytes = 8 << 10;
// A connection may be without a call for this many times the time that a call
// may stall.
constexpr int kIdleFactor = 5;
// gRPC may hold this many times the bytes in flight, before they are admitted
// and after.
constexpr uint64_t kGrpcFactor = 2;

// Sets what the server accepts from clients, and for how long.
void SetLimits(const Options& options, grpc::ServerBuilder* builder) {
  const uint64_t max_message =
      std::min<uint64_t>(options.max_btf_bytes + kMessageOverhead, INT32_MAX);
  builder->SetMaxReceiveMessageSize(static_cast<int>(max_message));
  builder->SetMaxSendMessageSize(-1);
  builder->AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS,
                              kMaxStreamsOfConnection);
  builder->AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, kMaxMetadataBytes);
  // A small compressed message could become a large one. Our clients do not
  // compress, so compressed messages are refused.
  for (const auto algorithm : {GRPC_COMPRESS_DEFLATE, GRPC_COMPRESS_GZIP}) {
    builder->SetCompressionAlgorithmSupportStatus(algorithm, false);
  }
  builder->AddChannelArgument(GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0);
  if (options.stall_timeout != absl::InfiniteDuration()) {
    builder->AddChannelArgument(
        GRPC_ARG_MAX_CONNECTION_IDLE_MS,
        static_cast<int>(std::min<int64_t>(
            absl::ToInt64Milliseconds(kIdleFactor * options.stall_timeout),
            INT32_MAX)));
  }
  // Each call has a thread while it runs or waits; these settings bound their
  // number. They also bound the bytes that wait to be received, which nothing
  // else counts.
  grpc::ResourceQuota quota("btfd");
  quota.SetMaxThreads(static_cast<int>(
      2 * std::min<uint32_t>(options.max_requests_in_flight, 1u << 14) +
      kMoreThreads));
  quota.Resize(kGrpcFactor * (options.max_bytes_in_flight + max_message));
  builder->SetResourceQuota(quota);
}

std::unique_ptr<grpc::Server> StartGrpc(const Options& options,
                                        Service* service, StallWatch* stalls) {
  wire::KeepGrpc();
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  grpc::ServerBuilder builder;
  builder.RegisterService(service);
  SetLimits(options, &builder);
  std::vector<
      std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>>
      interceptors;
  interceptors.push_back(stalls->NewInterceptorFactory());
  builder.experimental().SetInterceptorCreators(std::move(interceptors));
  // Keeps enough idle threads that a burst finds some.
  using Sync = grpc::ServerBuilder::SyncServerOption;
  builder.SetSyncServerOption(Sync::NUM_CQS, 1);
  builder.SetSyncServerOption(Sync::MIN_POLLERS, 1);
  builder.SetSyncServerOption(Sync::MAX_POLLERS,
                              static_cast<int>(options.threads) + 2);
  int port;
  AddNetworkListener(options, &builder, &port);
  return builder.BuildAndStart();
}

void Serve(grpc::Server* server, util::UniqueFd connection) {
  grpc::AddInsecureChannelFromFd(server, connection.Release());
}

}  // namespace

void Server::BlockSignals() {
  const sigset_t set = OurSignals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

absl::StatusOr<std::unique_ptr<Server>> Server::Start(
    const Options& options, std::unique_ptr<Listener> listener,
    util::Log* log) {
  std::unique_ptr<Server> server(new Server(options, std::move(listener), log));
  RETURN_IF_ERROR(server->Open());
  return server;
}

Server::Server(const Options& options, std::unique_ptr<Listener> listener,
               util::Log* log)
    : options_(options),
      listener_(std::move(listener)),
      log_(log),
      connections_(options.max_connections),
      stalls_(options.stall_timeout) {}

Server::~Server() {
  if (grpc_ != nullptr) {
    grpc_->Shutdown(std::chrono::system_clock::now());
    grpc_->Wait();
  }
}

absl::Status Server::Open() {
  RETURN_IF_ERROR(OpenSignals());
  const std::string store_path = OpenStore();
  RETURN_IF_ERROR(OpenForwarder());
  RETURN_IF_ERROR(OpenSharedCache());
  RETURN_IF_ERROR(OpenHealthPort());
  RETURN_IF_ERROR(OpenMetricsPort());
  RETURN_IF_ERROR(OpenGrpc(store_path));
  for (const std::string& complaint : options_.complaints) {
    log_->Warning(complaint);
  }
  return absl::OkStatus();
}

absl::Status Server::OpenSignals() {
  const sigset_t set = OurSignals();
  signals_ = util::UniqueFd(signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
  stop_ = util::UniqueFd(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!signals_ || !stop_) {
    return absl::ErrnoToStatus(errno, "cannot make a signal or event fd");
  }
  return absl::OkStatus();
}

// Opens the store. Without one the daemon works, too. Returns the store's path
// for `status`, or why there is no store.
std::string Server::OpenStore() {
  if (options_.store_dir.empty()) return "none: store_dir is empty";
  store::StoreOptions store_options;
  store_options.directory = options_.store_dir;
  store_options.max_result_bytes = options_.max_result_bytes;
  store_options.max_base_bytes = options_.max_stored_base_bytes;
  store_options.log = log_;
  store_options.counters = &counters_;
  auto store = store::Store::Open(std::move(store_options));
  if (!store.ok()) {
    log_->Warning(
        absl::StrCat("working without a store: ", store.status().message()));
    return absl::StrCat("none: ", store.status().message());
  }
  store_ = *std::move(store);
  return store_->path();
}

absl::Status Server::OpenForwarder() {
  if (options_.server.empty()) return absl::OkStatus();
  auto forwarder = Forwarder::Make(
      {options_.server, options_.server_ca, options_.server_certificate,
       options_.server_key, options_.server_timeout, engine::kEngineVersion},
      &counters_, log_);
  if (!forwarder.ok()) return Excuse(forwarder.status(), "server");
  forwarder_ = *std::move(forwarder);
  log_->Info(absl::StrCat("handing work on to ", options_.server));
  return absl::OkStatus();
}

absl::Status Server::OpenSharedCache() {
  if (options_.remote_cache.empty()) return absl::OkStatus();
  auto shared = OpenRemoteCache(options_, &counters_, log_);
  if (!shared.ok()) return Excuse(shared.status(), "remote_cache");
  shared_ = *std::move(shared);
  log_->Info(absl::StrCat("sharing results by ", options_.remote_cache));
  return absl::OkStatus();
}

// The administrator of a server wants to see an error; a build wants to go on.
absl::Status Server::Excuse(const absl::Status& failure,
                            absl::string_view option) {
  if (options_.foreground) return failure;
  options_.complaints.push_back(
      absl::StrCat(option, ": ", failure.message(), "; done without"));
  return absl::OkStatus();
}

void Server::MakeService(const std::string& store_path) {
  Service::Parts parts;
  parts.options = options_;
  parts.store = store_.get();
  parts.store_path = store_path;
  parts.counters = &counters_;
  parts.log = log_;
  parts.forwarder = forwarder_.get();
  parts.shared = shared_.get();
  parts.on_shutdown = [this] { eventfd_write(stop_.get(), 1); };
  service_ = std::make_unique<Service>(std::move(parts));
}

absl::Status Server::OpenHealthPort() {
  if (options_.health_listen.empty()) return absl::OkStatus();
  auto port = HealthPort::Start(options_.health_listen);
  if (!port.ok()) return Excuse(port.status(), "health_listen");
  health_port_ = *std::move(port);
  health_port_->SetServing(false);
  return absl::OkStatus();
}

absl::Status Server::OpenMetricsPort() {
  if (options_.metrics_listen.empty()) return absl::OkStatus();
  auto port = HttpPort::Listen(options_.metrics_listen);
  if (!port.ok()) return Excuse(port.status(), "metrics_listen");
  metrics_port_ = *std::move(port);
  return absl::OkStatus();
}

absl::Status Server::OpenGrpc(const std::string& store_path) {
  MakeService(store_path);
  grpc_ = StartGrpc(options_, service_.get(), &stalls_);
  if (grpc_ == nullptr && !options_.listen.empty()) {
    RETURN_IF_ERROR(Excuse(absl::UnavailableError(absl::StrCat(
                               "cannot listen at ", options_.listen,
                               "; is another program there?")),
                           "listen"));
    options_.listen.clear();
    // A new service, since that one does not know of the complaint.
    MakeService(store_path);
    grpc_ = StartGrpc(options_, service_.get(), &stalls_);
  }
  if (grpc_ == nullptr) return absl::InternalError("cannot start gRPC");
  if (!options_.listen.empty()) log_->Info(DescribeNetworkListener(options_));
  if (health_port_ != nullptr) health_port_->SetServing(true);
  if (metrics_port_ != nullptr) {
    ServeMetrics([this] { return service_->ReadMetrics(); },
                 service_->history(), metrics_port_.get());
    log_->Info(absl::StrCat("metrics at ", options_.metrics_listen, ", port ",
                            metrics_port_->port()));
  }
  return absl::OkStatus();
}

void Server::Run() {
  log_->Info(absl::StrCat("btfd ", util::kVersion, " serves ",
                          listener_->path(), ", process ", getpid(), ", ",
                          options_.threads, " threads, store ",
                          store_ == nullptr ? "none" : store_->path()));
  const char* reason = nullptr;
  while (reason == nullptr) reason = RunOnce();
  log_->Info(absl::StrCat("stopping: ", reason));
  Drain();
}

const char* Server::RunOnce() {
  const bool accepting = absl::Now() >= accept_again_;
  pollfd fds[] = {
      {signals_.get(), POLLIN, 0},
      {stop_.get(), POLLIN, 0},
      {accepting ? listener_->fd() : -1, POLLIN, 0},
      {listener_->changes_fd(), POLLIN, 0},
  };
  const int64_t wait = absl::ToInt64Milliseconds(
      absl::Ceil(UntilNextChore(), absl::Milliseconds(1)));
  if (poll(fds, std::size(fds), static_cast<int>(wait)) < 0 && errno != EINTR) {
    return "cannot wait for connections";
  }
  if (fds[0].revents != 0) {
    if (const char* reason = OnSignal()) return reason;
  }
  if (fds[1].revents != 0) return "a client asked for it";
  if (fds[2].revents != 0) AcceptAll();
  if (fds[3].revents != 0) {
    listener_->ForgetChanges();
    next_look_ = absl::InfinitePast();
  }
  return DoChores();
}

const char* Server::OnSignal() {
  signalfd_siginfo info;
  if (read(signals_.get(), &info, sizeof(info)) != sizeof(info)) {
    return nullptr;
  }
  if (info.ssi_signo != SIGHUP) {
    return info.ssi_signo == SIGTERM ? "SIGTERM" : "SIGINT";
  }
  if (absl::Status status = log_->Reopen(); !status.ok()) {
    log_->Warning(status.message());
  }
  return nullptr;
}

void Server::AcceptAll() {
  while (true) {
    absl::StatusOr<util::UniqueFd> connection = listener_->Accept();
    if (connection.ok()) {
      // A client whose connection is closed falls back at once. In the queue it
      // would wait first.
      if (connections_.Add(connection->get())) {
        Serve(grpc_.get(), *std::move(connection));
      } else {
        TurnAway();
      }
      continue;
    }
    if (absl::IsPermissionDenied(connection.status())) {
      counters_.Add(store::Counter::kPeersRefused);
      log_->Warning(connection.status().message());
      continue;
    }
    if (absl::IsResourceExhausted(connection.status())) {
      log_->Error(connection.status().message());
      accept_again_ = absl::Now() + kAcceptPause;
    }
    return;
  }
}

void Server::TurnAway() {
  counters_.Add(store::Counter::kConnectionsRefused);
  const absl::Time now = absl::Now();
  if (now < next_turned_away_note_) return;
  next_turned_away_note_ = now + kNoteEvery;
  log_->Warning(absl::StrCat("turning connections away: ", connections_.max(),
                             " are open (max_connections)"));
}

void Server::EndStalledCalls(absl::Time now) {
  if (now < next_stall_check_) return;
  next_stall_check_ = now + stalls_.interval();
  if (const int ended = stalls_.EndStalled(now); ended > 0) {
    counters_.Add(store::Counter::kCallsStalled, ended);
    log_->Warning(
        absl::StrCat("ended ", ended, " calls on which nothing moved"));
  }
  // This many in a row add up to the whole stall_timeout.
  if (const int closed = connections_.CloseStuck(StallWatch::kChecks);
      closed > 0) {
    log_->Warning(absl::StrCat("closed ", closed,
                               " connections whose clients do not read"));
  }
}

absl::Duration Server::UntilNextChore() const {
  const absl::Time now = absl::Now();
  absl::Time next =
      std::min({next_tidy_, next_stall_check_, next_look_, now + kTidyEvery});
  if (accept_again_ > now) next = std::min(next, accept_again_);
  // The daemon has not been idle for longer than this if something is in flight
  // now.
  next = std::min(next, std::min(service_->admission().idle_since(), now) +
                            options_.idle_exit);
  return std::max(next - now, absl::ZeroDuration());
}

const char* Server::DoChores() {
  const absl::Time now = absl::Now();
  if (now >= service_->admission().idle_since() + options_.idle_exit) {
    return "nothing to do";
  }
  EndStalledCalls(now);
  if (now >= next_look_) {
    if (!listener_->Reachable()) return "the socket is gone";
    const bool watched = listener_->changes_fd() >= 0;
    // Nothing watches the directories above the socket's own.
    next_look_ = now + (watched ? kTidyEvery : kLookEvery);
  }
  if (now < next_tidy_) return nullptr;
  next_tidy_ = now + kTidyEvery;
  service_->Tidy();
  const uint64_t calls = stalls_.calls_begun();
  if (calls != trimmed_at_ && service_->admission().in_flight() == 0) {
    service_->GiveBack();
    trimmed_at_ = calls;
  }
  return nullptr;
}

void Server::Drain() {
  // If something hangs, SIGALRM ends the process.
  alarm(static_cast<unsigned>(absl::ToInt64Seconds(
      absl::Ceil(options_.drain_timeout + kGrpcGrace + kStoreGrace,
                 absl::Seconds(1)) +
      absl::Seconds(1))));
  // Clients that wait at a supervisor's socket are served by the next daemon.
  if (listener_->Retire()) AcceptAll();
  listener_ = nullptr;
  service_->admission().StartDrain();
  grpc_->GetHealthCheckService()->SetServingStatus(false);
  if (health_port_ != nullptr) health_port_->SetServing(false);
  if (!service_->admission().WaitUntilIdle(options_.drain_timeout)) {
    log_->Warning(absl::StrCat("gave up on ", service_->admission().in_flight(),
                               " requests in flight"));
  }
  grpc_->Shutdown(std::chrono::system_clock::now() +
                  absl::ToChronoMilliseconds(kGrpcGrace));
  grpc_->Wait();
  grpc_ = nullptr;
  health_port_ = nullptr;
  metrics_port_ = nullptr;
  service_->Finish(kStoreGrace);
  service_ = nullptr;
  forwarder_ = nullptr;
  shared_ = nullptr;
  store_ = nullptr;
  log_->Info("stopped");
}

}  // namespace btfd::daemon
