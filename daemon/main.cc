// SPDX-License-Identifier: Apache-2.0
//
// btfd. Reads the options, detaches from its starter, claims the socket (or
// ends if another daemon has it), reports that it is ready, loads, and serves.
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "absl/synchronization/mutex.h"
#include "daemon/listen/network_listener.h"
#include "daemon/metrics/metrics_port.h"
#include "daemon/server.h"
#include "daemon/startup/daemonize.h"
#include "daemon/startup/limits.h"
#include "daemon/startup/options.h"
#include "daemon/startup/pages.h"
#include "daemon/startup/socket.h"
#include "lib/config/config_file.h"
#include "lib/manual/help_text.h"
#include "lib/util/inherited.h"
#include "lib/util/log.h"
#include "lib/util/threads.h"
#include "lib/util/version.h"

namespace btfd::daemon {
namespace {

// What gRPC and the store may take for their start. They take 10 ms.
constexpr absl::Duration kStartLimit = absl::Seconds(10);
// If another daemon holds the lock, its starter waits this long for it to
// listen.
constexpr absl::Duration kClaimLimit = absl::Seconds(5);

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
    // The daemon can work without a log.
    Fail(log.status());
  }
  return std::make_unique<util::Log>(options.log_level);
}

int Main(Options options) {
  const int systemd_fd = TakeSystemdSocket();
  CloseInherited({systemd_fd});
  ForgetBuildEnvironment();
  signal(SIGPIPE, SIG_IGN);
  umask(077);
  LiftLimits();
  // An arena for each thread would keep many half-empty heaps.
  mallopt(M_ARENA_MAX, static_cast<int>(std::min(options.threads, 64u)) + 1);
  // Memory as large as a module's BTF is given back to the system when it is
  // freed. By itself the allocator would keep larger and larger pieces. Setting
  // this also stops the allocator from adapting how much of a heap it keeps.
  mallopt(M_MMAP_THRESHOLD, 1 << 20);
  mallopt(M_TRIM_THRESHOLD, 8 << 20);
  Server::BlockSignals();

  // A supervisor waits for the process that serves its socket.
  const bool background = !options.foreground && systemd_fd < 0;
  util::UniqueFd ready;
  if (background) {
    absl::StatusOr<Side> side = Background();
    if (!side.ok()) return Fail(side.status());
    if (!side->in_daemon) return side->exit_code;
    ready = std::move(side->ready);
  }

  const absl::Status room = util::TryThreads(ThreadsNeeded(options.threads));
  if (!room.ok()) {
    ReportReady(std::move(ready), room);
    return background ? 1 : Fail(room);
  }
  absl::StatusOr<std::unique_ptr<Listener>> listener =
      systemd_fd >= 0 ? Listener::Adopt(systemd_fd)
                      : Listener::Claim(options.socket,
                                        options.shared_directory, kClaimLimit);
  if (absl::IsAlreadyExists(listener.status())) {
    // Another daemon serves. The starter wants no more than that.
    ReportReady(std::move(ready), absl::OkStatus());
    return 0;
  }
  if (!listener.ok()) {
    ReportReady(std::move(ready), listener.status());
    return background ? 1 : Fail(listener.status());
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

  absl::StatusOr<std::unique_ptr<Server>> server;
  {
    const Deadline deadline(kStartLimit);
    server = Server::Start(options, *std::move(listener), log.get());
  }
  if (!server.ok()) {
    log->Error(server.status().message());
    return 1;
  }
  (*server)->Run();
  return 0;
}

// Starts a daemon that no client can reach, and prints what is wrong with the
// settings.
int Check(absl::StatusOr<Options> options) {
  std::vector<std::string> complaints;
  if (options.ok()) {
    const absl::Status network = CheckNetworkListener(*options);
    if (!network.ok()) options->complaints.emplace_back(network.message());
    options->listen.clear();
    options->health_listen.clear();
    const absl::Status metrics = CheckMetricsPort(*options);
    if (!metrics.ok()) options->complaints.emplace_back(metrics.message());
    options->metrics_listen.clear();
    options->foreground = false;
    signal(SIGPIPE, SIG_IGN);
    umask(077);
    Server::BlockSignals();
    const absl::Status room = util::TryThreads(ThreadsNeeded(options->threads));
    if (!room.ok()) return Fail(room);
    const Deadline deadline(kStartLimit);
    util::Log log(util::LogLevel::kError);
    auto server = Server::Start(*options, /*listener=*/nullptr, &log);
    complaints = server.ok() ? (*server)->complaints() : options->complaints;
    if (!server.ok()) complaints.emplace_back(server.status().message());
  } else {
    complaints.emplace_back(options.status().message());
  }
  for (const std::string& complaint : complaints) puts(complaint.c_str());
  return complaints.empty() ? 0 : 1;
}

// Prints the settings for `btfc config`: for each a line of its name, value,
// source, place, default and meaning, and for each complaint a line of "!" and
// the complaint. Between these are tabs; in them, what is special is escaped as
// in C.
int ShowSettings(const absl::StatusOr<ShownOptions>& shown) {
  if (!shown.ok()) return Fail(shown.status());
  const auto print = [](const std::vector<absl::string_view>& fields) {
    const auto escape = [](std::string* out, absl::string_view field) {
      absl::StrAppend(out, absl::CEscape(field));
    };
    puts(absl::StrJoin(fields, "\t", escape).c_str());
  };
  for (const ShownOption& option : shown->options) {
    print({option.info.name, option.value, SourceName(option.source),
           option.place, option.info.default_value, option.info.meaning});
  }
  for (const std::string& complaint : shown->complaints) {
    print({"!", complaint});
  }
  return 0;
}

int CheckFiles(const std::vector<std::string>& paths) {
  if (paths.empty()) {
    Fail(absl::InvalidArgumentError("--check-config needs a FILE"));
    return 2;
  }
  bool any = false;
  for (const std::string& path : paths) {
    for (const std::string& complaint : CheckConfigFile(path)) {
      puts(complaint.c_str());
      any = true;
    }
  }
  return any ? 1 : 0;
}

}  // namespace
}  // namespace btfd::daemon

int main(int argc, char** argv) {
  btfd::util::OpenStandardStreams();
  // Debian's Abseil searches for lock cycles at each lock, also at gRPC's.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  std::vector<std::string> arguments(argv + 1, argv + argc);
  if (!arguments.empty() && arguments[0] == "--help") {
    fputs(btfd::manual::HelpText(btfd::daemon::BtfdPage()).c_str(), stdout);
    return 0;
  }
  if (!arguments.empty() && arguments[0] == "--version") {
    printf("btfd %s\n", btfd::util::kVersion);
    return 0;
  }
  // The first argument may say that it shall not serve.
  std::string mode = arguments.empty() ? "" : arguments[0];
  if (mode == "--check" || mode == "--show-settings" ||
      mode == "--check-config") {
    arguments.erase(arguments.begin());
  } else {
    mode.clear();
  }
  if (mode == "--check-config") return btfd::daemon::CheckFiles(arguments);
  const auto flags = btfd::daemon::ReadCommandLine(arguments);
  if (!flags.ok()) {
    btfd::daemon::Fail(flags.status());
    return absl::IsFailedPrecondition(flags.status()) ? 2 : 1;
  }
  const auto flag =
      [&flags](absl::string_view name) -> std::optional<std::string> {
    const auto found = flags->find(std::string(name));
    if (found == flags->end()) return std::nullopt;
    return found->second;
  };
  const btfd::config::Lookup environment = btfd::config::EnvironmentOfProcess;
  if (mode == "--show-settings") {
    return btfd::daemon::ShowSettings(
        btfd::daemon::ShowOptions(flag, environment));
  }
  auto options = btfd::daemon::ReadOptions(flag, environment);
  if (mode == "--check") return btfd::daemon::Check(std::move(options));
  if (!options.ok()) return btfd::daemon::Fail(options.status());
  const absl::Status network = btfd::daemon::CheckNetworkListener(*options);
  if (!network.ok()) {
    // The administrator of a server wants to see an error; a build wants to go
    // on.
    if (options->foreground) return btfd::daemon::Fail(network);
    options->listen.clear();
    options->health_listen.clear();
    options->complaints.emplace_back(network.message());
  }
  const absl::Status metrics = btfd::daemon::CheckMetricsPort(*options);
  if (!metrics.ok()) {
    if (options->foreground) return btfd::daemon::Fail(metrics);
    options->metrics_listen.clear();
    options->complaints.emplace_back(metrics.message());
  }
  return btfd::daemon::Main(*options);
}
