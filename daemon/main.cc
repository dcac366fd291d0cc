// SPDX-License-Identifier: Apache-2.0
//
// btfd, from its start: read what is set, let go of whoever started us, claim
// the socket (or leave it to a daemon that has it), say that we are ready,
// load, serve.
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/reflection.h"
#include "absl/flags/usage.h"
#include "absl/flags/usage_config.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/optional.h"
#include "daemon/listen/network_listener.h"
#include "daemon/server.h"
#include "daemon/startup/daemonize.h"
#include "daemon/startup/options.h"
#include "daemon/startup/socket.h"
#include "lib/util/log.h"
#include "lib/util/version.h"

// The names, meanings and defaults of all options are in options.cc; here they
// are only made known to the command line.
#define BTFD_FLAG(name) \
  ABSL_FLAG(absl::optional<std::string>, name, absl::nullopt, "see above")
BTFD_FLAG(config);
BTFD_FLAG(socket);
BTFD_FLAG(connection_fd);
ABSL_FLAG(bool, foreground, false, "see above");
BTFD_FLAG(store_dir);
BTFD_FLAG(result_cache);
BTFD_FLAG(verify_hits);
BTFD_FLAG(max_result_bytes);
BTFD_FLAG(max_stored_base_bytes);
BTFD_FLAG(log_file);
BTFD_FLAG(log_level);
BTFD_FLAG(threads);
BTFD_FLAG(max_resident_base_bytes);
BTFD_FLAG(max_btf_bytes);
BTFD_FLAG(max_requests_in_flight);
BTFD_FLAG(max_bytes_in_flight);
BTFD_FLAG(max_connections);
BTFD_FLAG(stall_timeout);
BTFD_FLAG(listen);
BTFD_FLAG(listen_insecure);
BTFD_FLAG(health_listen);
BTFD_FLAG(tls_certificate);
BTFD_FLAG(tls_key);
BTFD_FLAG(tls_client_ca);
BTFD_FLAG(max_client_requests);
BTFD_FLAG(max_client_bytes);
BTFD_FLAG(server);
BTFD_FLAG(server_ca);
BTFD_FLAG(server_certificate);
BTFD_FLAG(server_key);
BTFD_FLAG(server_timeout);
BTFD_FLAG(remote_cache);
BTFD_FLAG(remote_instance);
BTFD_FLAG(remote_ca);
BTFD_FLAG(remote_certificate);
BTFD_FLAG(remote_key);
BTFD_FLAG(remote_token_file);
BTFD_FLAG(remote_read_only);
BTFD_FLAG(remote_upload_inputs);
BTFD_FLAG(remote_compression);
BTFD_FLAG(remote_timeout);
BTFD_FLAG(remote_min_rate);
BTFD_FLAG(max_remote_upload_bytes);
BTFD_FLAG(idle_exit);
BTFD_FLAG(drain_timeout);

namespace btfd::daemon {
namespace {

// How long a starter waits for another one, which has the lock, to listen.
constexpr absl::Duration kClaimLimit = absl::Seconds(5);

std::string Usage() {
  std::string text =
      "finalizes the BTF of kernel modules for clients of this user.\n"
      "\nOptions, each as --name=value, as BTFD_NAME in the environment, or as "
      "`name = value` in the configuration file, in that order:\n";
  for (const OptionInfo& option : ListOptions()) {
    absl::StrAppend(&text, "  ", option.name, "\n      ", option.meaning, "\n");
  }
  return text;
}

std::optional<std::string> Flag(absl::string_view name) {
  if (name == "foreground") {
    if (absl::GetFlag(FLAGS_foreground)) return "1";
    return std::nullopt;
  }
  const absl::CommandLineFlag* flag = absl::FindCommandLineFlag(name);
  if (flag == nullptr) return std::nullopt;
  const auto value = flag->TryGet<absl::optional<std::string>>();
  if (!value.has_value() || !value->has_value()) return std::nullopt;
  return **value;
}

std::optional<std::string> Environment(absl::string_view name) {
  const char* value = getenv(std::string(name).c_str());
  if (value == nullptr) return std::nullopt;
  return value;
}

// --connection-fd is as good as --connection_fd.
void NormalizeFlagNames(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    if (!absl::StartsWith(argv[i], "--")) continue;
    for (char* c = argv[i] + 2; *c != '\0' && *c != '='; ++c) {
      if (*c == '-') *c = '_';
    }
  }
}

// One descriptor a client: the soft limit is for programs that use select().
void RaiseDescriptorLimit() {
  rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

int Fail(const absl::Status& status) {
  fprintf(stderr, "btfd: %s\n", std::string(status.message()).c_str());
  return 1;
}

std::unique_ptr<util::Log> OpenLog(const Options& options,
                                   const std::string& path) {
  if (path != "-") {
    auto log = util::Log::OpenFile(path, options.log_level,
                                   options.log_file.empty()
                                       ? util::Log::Place::kOurs
                                       : util::Log::Place::kNamed);
    if (log.ok()) return *std::move(log);
    // No reason not to work.
    Fail(log.status());
  }
  return std::make_unique<util::Log>(options.log_level);
}

absl::StatusOr<Server::Door> OpenDoor(const Options& options, int systemd_fd) {
  Server::Door door;
  for (const int fd : options.connection_fds) {
    auto connection = TakeConnection(fd);
    if (!connection.ok()) return connection.status();
    door.connections.push_back(*std::move(connection));
  }
  if (!door.connections.empty()) return door;
  auto listener = systemd_fd >= 0
                      ? Listener::Adopt(systemd_fd)
                      : Listener::Claim(options.socket,
                                        options.shared_directory, kClaimLimit);
  if (!listener.ok()) return listener.status();
  door.listener = *std::move(listener);
  return door;
}

int Main(Options options) {
  const int systemd_fd = TakeSystemdSocket();
  std::vector<int> ours = options.connection_fds;
  ours.push_back(systemd_fd);
  CloseInherited(std::move(ours));
  ForgetBuildEnvironment();
  signal(SIGPIPE, SIG_IGN);
  umask(077);
  RaiseDescriptorLimit();
  // An arena a thread would keep many half-empty heaps.
  mallopt(M_ARENA_MAX, static_cast<int>(std::min(options.threads, 64u)) + 1);
  // What is as large as a module's BTF goes back to the system when it is
  // freed; by itself the allocator would keep ever larger pieces. To say so
  // ends its own judgement of how much of a heap to keep as well.
  mallopt(M_MMAP_THRESHOLD, 1 << 20);
  mallopt(M_TRIM_THRESHOLD, 8 << 20);
  Server::BlockSignals();

  // Who serves inherited connections or a supervisor's socket is waited for.
  const bool background =
      !options.foreground && systemd_fd < 0 && options.connection_fds.empty();
  util::UniqueFd ready;
  if (background) {
    absl::StatusOr<Side> side = Background();
    if (!side.ok()) return Fail(side.status());
    if (!side->in_daemon) return side->exit_code;
    ready = std::move(side->ready);
  }

  absl::StatusOr<Server::Door> door = OpenDoor(options, systemd_fd);
  if (absl::IsAlreadyExists(door.status())) {
    // Somebody serves; that is all the starter wants.
    ReportReady(std::move(ready), absl::OkStatus());
    return 0;
  }
  if (!door.ok()) {
    ReportReady(std::move(ready), door.status());
    return background ? 1 : Fail(door.status());
  }

  std::string log_path = options.log_file;
  if (log_path.empty()) {
    log_path =
        background
            ? absl::StrCat(absl::StripSuffix(options.socket, ".sock"), ".log")
            : "-";
  }
  const std::unique_ptr<util::Log> log = OpenLog(options, log_path);
  if (background) DetachFromTerminal(log_path);
  ReportReady(std::move(ready), absl::OkStatus());

  auto server = Server::Start(options, *std::move(door), log.get());
  if (!server.ok()) {
    log->Error(server.status().message());
    return 1;
  }
  (*server)->Run();
  return 0;
}

}  // namespace
}  // namespace btfd::daemon

int main(int argc, char** argv) {
  // Debian's Abseil looks for lock cycles at each lock, gRPC's included.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  absl::FlagsUsageConfig config;
  config.version_string = [] {
    return absl::StrCat("btfd ", btfd::util::kVersion, "\n");
  };
  config.contains_helpshort_flags = [](absl::string_view file) {
    return absl::EndsWith(file, "daemon/main.cc");
  };
  config.contains_help_flags = config.contains_helpshort_flags;
  absl::SetFlagsUsageConfig(config);
  absl::SetProgramUsageMessage(btfd::daemon::Usage());
  btfd::daemon::NormalizeFlagNames(argc, argv);
  const std::vector<char*> rest = absl::ParseCommandLine(argc, argv);
  if (rest.size() > 1) {
    fprintf(stderr, "btfd: takes no argument: %s\n", rest[1]);
    return 2;
  }
  const auto options =
      btfd::daemon::ReadOptions(btfd::daemon::Flag, btfd::daemon::Environment);
  if (!options.ok()) return btfd::daemon::Fail(options.status());
  const absl::Status network = btfd::daemon::CheckNetworkListener(*options);
  if (!network.ok()) return btfd::daemon::Fail(network);
  return btfd::daemon::Main(*options);
}
