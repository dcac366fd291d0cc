// SPDX-License-Identifier: Apache-2.0
//
// btfc start, stop and restart.
#include "client/commands/lifecycle.h"

#include <signal.h>
#include <stdio.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "client/cli/command_line.h"
#include "client/commands/commands.h"
#include "client/manual/pages.h"
#include "client/rpc/daemon_calls.h"
#include "client/rpc/deaf_daemon.h"
#include "client/rpc/shared_daemon.h"
#include "lib/util/file.h"
#include "lib/util/runtime_paths.h"
#include "lib/util/status_macros.h"

namespace btfd::client {

namespace {

// A daemon that drains ends within its drain_timeout, 30 s if not set.
constexpr absl::Duration kStopLimit = absl::Seconds(60);
constexpr absl::Duration kPoll = absl::Milliseconds(5);

// True if the process has ended, even if its parent has not waited for it.
bool IsGone(int64_t pid) {
  const absl::StatusOr<std::string> stat =
      util::ReadFile(absl::StrCat("/proc/", pid, "/stat"));
  if (!stat.ok()) return kill(static_cast<pid_t>(pid), 0) != 0;
  // The line is "PID (NAME) STATE ...". The name may contain anything.
  const size_t name_end = stat->rfind(')');
  return name_end != std::string::npos && name_end + 2 < stat->size() &&
         ((*stat)[name_end + 2] == 'Z' || (*stat)[name_end + 2] == 'X');
}

absl::Status WaitUntilGone(int64_t pid) {
  const absl::Time give_up = absl::Now() + kStopLimit;
  while (!IsGone(pid)) {
    if (absl::Now() > give_up) {
      return absl::DeadlineExceededError("");
    }
    absl::SleepFor(kPoll);
  }
  return absl::OkStatus();
}

// The pid of the daemon that was asked to end, 0 if there is none. Unavailable
// or DeadlineExceeded if it does not listen.
absl::StatusOr<int64_t> AskToEnd() {
  auto daemon = OpenRunningDaemon();
  if (absl::IsNotFound(daemon.status())) return 0;
  RETURN_IF_ERROR(daemon.status());
  v1::ShutdownResponse response;
  // It waits for open connections, too: this one is closed at the end.
  RETURN_IF_ERROR(
      Call(daemon->get(), kShutdown, v1::ShutdownRequest(), &response));
  return response.pid();
}

absl::Status Start() {
  ASSIGN_OR_RETURN(const std::string running, StartDaemon());
  printf("%s\n", running.c_str());
  return absl::OkStatus();
}

// Runs `steps` in their order. For a command without arguments.
int RunSteps(const manual::Page& page,
             const std::vector<std::string>& arguments,
             const std::vector<absl::Status (*)()>& steps) {
  CommandLine line(page);
  std::vector<std::string> rest;
  const std::optional<int> end = line.Parse(arguments, &rest);
  if (end.has_value()) return *end;
  if (!rest.empty()) return line.WrongCall("it takes no arguments");
  for (const auto step : steps) {
    const absl::Status status = step();
    if (status.ok()) continue;
    SayError(status.message());
    return kExitFailure;
  }
  return 0;
}

}  // namespace

absl::Status StopDaemon() {
  const absl::StatusOr<int64_t> pid = AskToEnd();
  if (pid.ok() && *pid == 0) return absl::OkStatus();
  const absl::Status gone = pid.ok() ? WaitUntilGone(*pid) : pid.status();
  if (!absl::IsDeadlineExceeded(gone) && !absl::IsUnavailable(gone)) {
    return gone;
  }
  SayLine("btfc: the daemon does not listen to that; ending it by force");
  return EndDeafDaemon(util::RuntimePathsOfProcess());
}

absl::StatusOr<std::string> StartDaemon() {
  ASSIGN_OR_RETURN(const auto daemon, OpenOrStartDaemon());
  v1::GreetResponse response;
  RETURN_IF_ERROR(Call(daemon.get(), kGreet, v1::GreetRequest(), &response));
  return absl::StrCat("btfd ", response.daemon_version(), " runs, pid ",
                      response.pid());
}

int RunStart(const std::vector<std::string>& arguments) {
  return RunSteps(StartPage(), arguments, {Start});
}

int RunStop(const std::vector<std::string>& arguments) {
  return RunSteps(StopPage(), arguments, {StopDaemon});
}

int RunRestart(const std::vector<std::string>& arguments) {
  return RunSteps(RestartPage(), arguments, {StopDaemon, Start});
}

}  // namespace btfd::client
