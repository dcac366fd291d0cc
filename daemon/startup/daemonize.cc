// SPDX-License-Identifier: Apache-2.0
#include "daemon/startup/daemonize.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace btfd::daemon {

namespace {

// What the daemon writes into the pipe to its starter: this byte, or an error
// text.
constexpr char kReady = '\0';

// Reads until the other side closes.
std::string ReadAll(int fd) {
  std::string text;
  char buffer[512];
  while (true) {
    const ssize_t got = read(fd, buffer, sizeof(buffer));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return text;
    text.append(buffer, static_cast<size_t>(got));
  }
}

void WriteAll(int fd, absl::string_view text) {
  while (!text.empty()) {
    const ssize_t put = write(fd, text.data(), text.size());
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return;
    text.remove_prefix(static_cast<size_t>(put));
  }
}

// Waits for the daemon's report. The returned exit code is that of the whole
// start.
Side Starter(util::UniqueFd from_daemon, pid_t middle) {
  while (waitpid(middle, nullptr, 0) < 0 && errno == EINTR) {
  }
  const std::string word = ReadAll(from_daemon.get());
  Side side;
  if (word.empty() || word[0] != kReady) {
    side.exit_code = 1;
    WriteAll(STDERR_FILENO,
             word.empty() ? "btfd: ended before it was ready\n" : word);
  }
  return side;
}

}  // namespace

void CloseInherited(std::vector<int> keep) {
  keep.erase(
      std::remove_if(keep.begin(), keep.end(), [](int fd) { return fd < 3; }),
      keep.end());
  std::sort(keep.begin(), keep.end());
  unsigned first = 3;
  for (int fd : keep) {
    if (static_cast<unsigned>(fd) > first) close_range(first, fd - 1, 0);
    first = static_cast<unsigned>(fd) + 1;
  }
  close_range(first, ~0U, 0);
}

void ForgetBuildEnvironment() {
  for (const char* name :
       {"MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "MAKEFILES",
        "MAKE_TERMOUT", "MAKE_TERMERR", "MAKE_RESTARTS", "GNUMAKEFLAGS"}) {
    unsetenv(name);
  }
}

absl::StatusOr<Side> Background() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) {
    return absl::ErrnoToStatus(errno, "cannot make a pipe");
  }
  util::UniqueFd from_daemon(ends[0]);
  util::UniqueFd ready(ends[1]);

  const pid_t middle = fork();
  if (middle < 0) return absl::ErrnoToStatus(errno, "cannot fork");
  if (middle > 0) {
    ready = util::UniqueFd();
    return Starter(std::move(from_daemon), middle);
  }
  // A new session whose leader is another process, so that the daemon can never
  // get a terminal.
  setsid();
  const pid_t daemon = fork();
  if (daemon != 0) {
    if (daemon < 0) WriteAll(ready.get(), "btfd: cannot fork\n");
    return Side{};
  }
  Side side;
  side.in_daemon = true;
  side.ready = std::move(ready);
  return side;
}

void ReportReady(util::UniqueFd ready, const absl::Status& status) {
  if (!ready) return;
  if (status.ok()) {
    WriteAll(ready.get(), absl::string_view(&kReady, 1));
  } else {
    WriteAll(ready.get(), absl::StrCat("btfd: ", status.message(), "\n"));
  }
}

void DetachFromTerminal(const std::string& log_path) {
  const util::UniqueFd null(open("/dev/null", O_RDWR | O_CLOEXEC | O_NOCTTY));
  // What libraries print on stderr goes to the log, if we can open it.
  absl::StatusOr<util::UniqueFd> log = util::UniqueFd();
  if (log_path != "-") log = util::OpenOwnForAppending(log_path);
  if (null) {
    dup2(null.get(), STDIN_FILENO);
    dup2(null.get(), STDOUT_FILENO);
    dup2(log.ok() && *log ? log->get() : null.get(), STDERR_FILENO);
  }
  // "/" is always there.
  if (chdir("/") != 0) return;
}

}  // namespace btfd::daemon
