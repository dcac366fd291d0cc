// SPDX-License-Identifier: Apache-2.0
#include "lib/config/config_file.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "lib/show/edit_distance.h"
#include "lib/util/file.h"
#include "lib/util/status_macros.h"

namespace btfd::config {

std::optional<std::string> EnvironmentOfProcess(absl::string_view name) {
  const char* value = getenv(std::string(name).c_str());
  if (value == nullptr) return std::nullopt;
  return value;
}

ConfigFile ParseConfigFile(absl::string_view text, const std::string& path) {
  ConfigFile file;
  int number = 0;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    ++number;
    const absl::string_view words =
        absl::StripAsciiWhitespace(line.substr(0, line.find('#')));
    if (words.empty()) continue;
    std::string place = absl::StrCat(path, ":", number);
    const size_t equal = words.find('=');
    const absl::string_view name =
        absl::StripAsciiWhitespace(words.substr(0, equal));
    if (equal == absl::string_view::npos || name.empty()) {
      file.complaints.push_back(
          absl::StrCat(place, ": not `name = value`: ", words));
      continue;
    }
    file.lines.push_back(
        {std::string(name),
         std::string(absl::StripAsciiWhitespace(words.substr(equal + 1))),
         std::move(place)});
  }
  return file;
}

ConfigFile ReadConfigFile(const std::string& path) {
  ConfigFile none;
  // A FIFO must not block a build.
  const util::UniqueFd fd(
      open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat info;
  if (!fd || fstat(fd.get(), &info) != 0 || !S_ISREG(info.st_mode)) return none;
  if (info.st_uid != geteuid() && info.st_uid != 0) {
    none.complaints.push_back(absl::StrCat(path, ": belongs to uid ",
                                           info.st_uid, "; it is not used"));
    return none;
  }
  const absl::StatusOr<util::FileBytes> bytes =
      util::FileBytes::FromFd(fd.get(), path);
  return bytes.ok() ? ParseConfigFile(bytes->view(), path) : none;
}

absl::StatusOr<ConfigFile> ReadNamedConfigFile(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, util::ReadFile(path));
  return ParseConfigFile(text, path);
}

std::string SystemDirectory(const Lookup& environment) {
  return environment(kSystemDirectoryVariable)
      .value_or(std::string(kSystemDirectory));
}

std::string UserDirectory(const Lookup& environment, absl::string_view home) {
  const std::string own = environment("XDG_CONFIG_HOME").value_or("");
  if (absl::StartsWith(own, "/")) return own + "/btfd";
  return absl::StartsWith(home, "/") ? absl::StrCat(home, "/.config/btfd") : "";
}

std::string Similar(absl::string_view name,
                    const std::vector<std::string>& known) {
  const std::string* nearest = nullptr;
  size_t limit = std::min<size_t>(3, name.size() / 3 + 1);
  for (const std::string& candidate : known) {
    const size_t distance = show::EditDistance(name, candidate, limit);
    if (distance > limit) continue;
    nearest = &candidate;
    if (distance == 0) break;
    limit = distance - 1;
  }
  return nearest == nullptr ? "" : absl::StrCat("; similar: ", *nearest);
}

std::string UnknownName(const ConfigLine& line,
                        const std::vector<std::string>& known) {
  return absl::StrCat(line.place, ": no setting is called ", line.name,
                      Similar(line.name, known));
}

absl::StatusOr<bool> ParseSwitch(absl::string_view text) {
  for (const absl::string_view word : {"1", "true", "yes", "on"}) {
    if (text == word) return true;
  }
  for (const absl::string_view word : {"0", "false", "no", "off"}) {
    if (text == word) return false;
  }
  return absl::InvalidArgumentError("must be 1 or 0, true or false");
}

}  // namespace btfd::config
