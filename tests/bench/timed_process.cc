// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/timed_process.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <fstream>
#include <sstream>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "tests/support/process.h"

namespace btfd::bench {

namespace {

double Milliseconds(const timeval& time) {
  return time.tv_sec * 1e3 + time.tv_usec / 1e3;
}

}  // namespace

absl::StatusOr<Timing> RunTimed(const std::vector<std::string>& argv,
                                const std::vector<std::string>& environment) {
  const std::vector<std::string> merged = tests::EnvironmentWith(environment);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
  const auto start = std::chrono::steady_clock::now();
  pid_t pid = 0;
  const int error = posix_spawnp(&pid, argv[0].c_str(), &actions, nullptr,
                                 tests::PointersTo(argv).data(),
                                 tests::PointersTo(merged).data());
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) {
    return absl::InternalError(absl::StrCat(argv[0], ": ", strerror(error)));
  }
  int status = 0;
  rusage usage{};
  while (wait4(pid, &status, 0, &usage) < 0 && errno == EINTR) {
  }
  Timing timing;
  timing.wall_ms = std::chrono::duration<double, std::milli>(
                       std::chrono::steady_clock::now() - start)
                       .count();
  timing.cpu_ms = Milliseconds(usage.ru_utime) + Milliseconds(usage.ru_stime);
  timing.peak_rss_mib = usage.ru_maxrss / 1024.0;
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    return absl::InternalError(
        absl::StrCat(absl::StrJoin(argv, " "), ": wait status ", status));
  }
  return timing;
}

absl::StatusOr<Timing> UsageOf(int pid) {
  Timing timing;
  std::ifstream stat(absl::StrCat("/proc/", pid, "/stat"));
  std::string line;
  if (!std::getline(stat, line)) {
    return absl::NotFoundError(absl::StrCat("no process ", pid));
  }
  // Fields 14 and 15 (utime, stime). They are counted from the ')' behind the
  // command.
  const std::vector<std::string> fields =
      absl::StrSplit(line.substr(line.rfind(')') + 2), ' ');
  double utime = 0, stime = 0;
  if (!absl::SimpleAtod(fields[11], &utime) ||
      !absl::SimpleAtod(fields[12], &stime)) {
    return absl::InternalError("cannot read /proc/PID/stat");
  }
  timing.cpu_ms = (utime + stime) * 1000.0 / sysconf(_SC_CLK_TCK);

  std::ifstream status(absl::StrCat("/proc/", pid, "/status"));
  while (std::getline(status, line)) {
    double kib = 0;
    const std::vector<std::string> words =
        absl::StrSplit(line, absl::ByAnyChar(" \t"), absl::SkipEmpty());
    if (words.size() > 1 && words[0] == "VmHWM:" &&
        absl::SimpleAtod(words[1], &kib)) {
      timing.peak_rss_mib = kib / 1024;
    }
  }
  return timing;
}

}  // namespace btfd::bench
