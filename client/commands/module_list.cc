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

}  // namespace

absl::StatusOr<std::vector<std::string>> ReadModuleList(
    const std::string& path) {
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
  std::vector<std::string> modules;
  for (absl::string_view line : absl::StrSplit(text.view(), '\n')) {
    line = absl::StripAsciiWhitespace(line);
    if (line.empty()) continue;
    std::string module(line);
    if (absl::ConsumeSuffix(&line, ".o")) module = absl::StrCat(line, ".ko");
    if (module[0] != '/' && !directory.empty() && !Exists(module)) {
      std::string beside = directory + module;
      if (Exists(beside)) module = std::move(beside);
    }
    modules.push_back(std::move(module));
  }
  return modules;
}

}  // namespace btfd::client
