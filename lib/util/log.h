// SPDX-License-Identifier: Apache-2.0
//
// A log of lines with levels, `2026-01-31T12:00:00.123Z W 4711 text`: time in
// UTC, level, thread id. Each call writes one line, whatever the text contains.
// Thread-safe.
#ifndef BTFD_LIB_UTIL_LOG_H_
#define BTFD_LIB_UTIL_LOG_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace btfd::util {

enum class LogLevel { kDebug = 0, kInfo, kWarning, kError };

// "debug", "info", "warning" or "error"; else InvalidArgument.
absl::StatusOr<LogLevel> ParseLogLevel(absl::string_view name);
absl::string_view LogLevelName(LogLevel level);

class Log {
 public:
  // Lines to stderr.
  explicit Log(LogLevel level);
  // Appends lines to a file, which is made with mode 0600 if it is missing.
  // Each line is one write(2), so several processes may share the file. The
  // error names the file. kOurs: the user did not name that place, so others
  // may have planted something there, and only a file as of
  // OpenOwnForAppending() (file.h) is used.
  enum class Place { kNamed, kOurs };
  static absl::StatusOr<std::unique_ptr<Log>> OpenFile(
      const std::string& path, LogLevel level, Place place = Place::kNamed);
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  // Ask before building an expensive text.
  bool enabled(LogLevel level) const { return level >= level_; }
  void Write(LogLevel level, absl::string_view text);

  void Debug(absl::string_view text) { Write(LogLevel::kDebug, text); }
  void Info(absl::string_view text) { Write(LogLevel::kInfo, text); }
  void Warning(absl::string_view text) { Write(LogLevel::kWarning, text); }
  void Error(absl::string_view text) { Write(LogLevel::kError, text); }

  // Opens the file again by its name, after it was rotated; keeps the old one
  // if that fails. Does nothing for stderr.
  absl::Status Reopen();

 private:
  Log(LogLevel level, Place place, std::string path, int fd);

  const LogLevel level_;
  const Place place_ = Place::kNamed;
  const std::string path_;  // empty: stderr
  const int fd_;
};

}  // namespace btfd::util

#endif  // BTFD_LIB_UTIL_LOG_H_
