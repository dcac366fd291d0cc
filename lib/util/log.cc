// SPDX-License-Identifier: Apache-2.0
#include "lib/util/log.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "lib/util/file.h"
#include "lib/util/status_macros.h"

namespace btfd::util {

namespace {

constexpr absl::string_view kNames[] = {"debug", "info", "warning", "error"};
constexpr char kLetters[] = "DIWE";

absl::StatusOr<UniqueFd> OpenForAppending(const std::string& path,
                                          Log::Place place) {
  absl::StatusOr<UniqueFd> fd =
      place == Log::Place::kOurs
          ? OpenOwnForAppending(path)
          : util::OpenFile(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
  if (fd.ok()) return fd;
  return absl::Status(
      fd.status().code(),
      absl::StrCat("cannot open the log file ", fd.status().message()));
}

// Control characters, line ends above all, would let a text that came from
// elsewhere forge lines or talk to a terminal.
void AppendPrintable(absl::string_view text, std::string* line) {
  for (const char c : text) {
    if (c == '\n') {
      line->append("\\n");
    } else if (absl::ascii_iscntrl(static_cast<unsigned char>(c))) {
      line->push_back('?');
    } else {
      line->push_back(c);
    }
  }
}

}  // namespace

absl::string_view LogLevelName(LogLevel level) {
  return kNames[static_cast<size_t>(level)];
}

absl::StatusOr<LogLevel> ParseLogLevel(absl::string_view name) {
  for (size_t i = 0; i < sizeof(kNames) / sizeof(kNames[0]); ++i) {
    if (kNames[i] == name) return static_cast<LogLevel>(i);
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "not a log level (debug, info, warning, error): '", name, "'"));
}

Log::Log(LogLevel level) : Log(level, Place::kNamed, "", STDERR_FILENO) {}

Log::Log(LogLevel level, Place place, std::string path, int fd)
    : level_(level), place_(place), path_(std::move(path)), fd_(fd) {}

Log::~Log() {
  if (!path_.empty()) close(fd_);
}

absl::StatusOr<std::unique_ptr<Log>> Log::OpenFile(const std::string& path,
                                                   LogLevel level,
                                                   Place place) {
  ASSIGN_OR_RETURN(UniqueFd fd, OpenForAppending(path, place));
  return std::unique_ptr<Log>(new Log(level, place, path, fd.Release()));
}

absl::Status Log::Reopen() {
  if (path_.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const UniqueFd fresh, OpenForAppending(path_, place_));
  // Onto the old number, which other threads may be writing to.
  if (dup3(fresh.get(), fd_, O_CLOEXEC) < 0) {
    return absl::ErrnoToStatus(
        errno, absl::StrCat("cannot reopen the log file ", path_));
  }
  return absl::OkStatus();
}

void Log::Write(LogLevel level, absl::string_view text) {
  if (!enabled(level)) return;
  std::string line = absl::StrCat(
      absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", absl::Now(),
                       absl::UTCTimeZone()),
      " ", absl::string_view(&kLetters[static_cast<size_t>(level)], 1), " ",
      syscall(SYS_gettid), " ");
  AppendPrintable(text, &line);
  line.push_back('\n');
  absl::string_view rest = line;
  while (!rest.empty()) {
    const ssize_t written = write(fd_, rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;  // nowhere to complain
    rest.remove_prefix(written);
  }
}

}  // namespace btfd::util
