// SPDX-License-Identifier: Apache-2.0
//
// The configuration files of client and daemon: lines of `name = value`, empty
// lines, and comments that begin with '#'. What a name means, its owner knows.
//
// Such a file is there for every build, so nothing in it may end one. What is
// wrong with it becomes a complaint, a line that names the place, and the
// program goes on without it.
#ifndef BTFD_LIB_CONFIG_CONFIG_FILE_H_
#define BTFD_LIB_CONFIG_CONFIG_FILE_H_

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace btfd::config {

// The environment variable that names another directory than kSystemDirectory,
// for tests and for machines whose /etc is not to be touched.
inline constexpr absl::string_view kSystemDirectoryVariable =
    "BTFD_SYSTEM_CONFIG_DIR";
inline constexpr absl::string_view kSystemDirectory = "/etc/btfd";

struct ConfigLine {
  std::string name;
  std::string value;
  std::string place;  // "FILE:LINE"
};

struct ConfigFile {
  std::vector<ConfigLine> lines;
  std::vector<std::string> complaints;
};

// Looks up an environment variable.
using Lookup =
    std::function<std::optional<std::string>(absl::string_view name)>;
std::optional<std::string> EnvironmentOfProcess(absl::string_view name);

// A line without '=' becomes a complaint.
ConfigFile ParseConfigFile(absl::string_view text, const std::string& path);

// Reads a file that is looked for in every run. It counts as absent if it
// cannot be read or is no regular file. If it belongs to another user who is
// not root, it is not used, and that is a complaint: the home directory may be
// another user's (su, sudo -E, containers).
ConfigFile ReadConfigFile(const std::string& path);

// Reads a file that somebody named. The error has its path.
absl::StatusOr<ConfigFile> ReadNamedConfigFile(const std::string& path);

// /etc/btfd, or what the environment names instead.
std::string SystemDirectory(const Lookup& environment);
// $XDG_CONFIG_HOME/btfd, or else .config/btfd in `home`. Empty if neither is an
// absolute path.
std::string UserDirectory(const Lookup& environment, absl::string_view home);

// "; similar: NAME" if one of the known names is near to `name`; else empty.
std::string Similar(absl::string_view name,
                    const std::vector<std::string>& known);
// The complaint about a line whose name nobody knows.
std::string UnknownName(const ConfigLine& line,
                        const std::vector<std::string>& known);

// Reads 1 or 0, true or false, yes or no, on or off.
absl::StatusOr<bool> ParseSwitch(absl::string_view text);

}  // namespace btfd::config

#endif  // BTFD_LIB_CONFIG_CONFIG_FILE_H_
