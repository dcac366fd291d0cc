// SPDX-License-Identifier: Apache-2.0
#include "client/commands/module_list.h"

#include <fcntl.h>
#include <unistd.h>

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "lib/util/file.h"
#include "lib/util/status_macros.h"

namespace btfd::client {

namespace {

bool Exists(const std::string& path) { return access(path.c_str(), F_OK) == 0; }

std::string DirectoryOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash + 1);
}

// Each line of `path` as `entry_of` has it.
absl::StatusOr<std::vector<std::string>> ReadList(
    const std::string& path, std::string (*entry_of)(absl::string_view line)) {
  const bool is_stdin = path == "-";
  util::UniqueFd fd;
  if (!is_stdin) {
    ASSIGN_OR_RETURN(fd, util::OpenFile(path, O_RDONLY));
  }
  // Reads the descriptor. The name /dev/stdin would need /proc.
  ASSIGN_OR_RETURN(
      const util::FileBytes text,
      util::FileBytes::FromFd(is_stdin ? STDIN_FILENO : fd.get(), path));
  const std::string directory = is_stdin ? "" : DirectoryOf(path);
  std::vector<std::string> entries;
  for (absl::string_view line : absl::StrSplit(text.view(), '\n')) {
    line = absl::StripAsciiWhitespace(line);
    if (line.empty()) continue;
    std::string entry = entry_of(line);
    if (entry[0] != '/' && !directory.empty() && !Exists(entry)) {
      std::string beside = directory + entry;
      if (Exists(beside)) entry = std::move(beside);
    }
    entries.push_back(std::move(entry));
  }
  return entries;
}

}  // namespace

absl::StatusOr<std::vector<std::string>> ReadModuleList(
    const std::string& path) {
  return ReadList(path, [](absl::string_view line) {
    return absl::ConsumeSuffix(&line, ".o") ? absl::StrCat(line, ".ko")
                                            : std::string(line);
  });
}

absl::StatusOr<std::vector<std::string>> ReadPathList(const std::string& path) {
  return ReadList(path,
                  [](absl::string_view line) { return std::string(line); });
}

}  // namespace btfd::client
