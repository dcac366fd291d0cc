// SPDX-License-Identifier: Apache-2.0
#include "daemon/startup/options.h"

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <map>
#include <sstream>
#include <thread>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "daemon/startup/option_list.h"
#include "lib/util/runtime_paths.h"
#include "lib/util/status_macros.h"

namespace btfd::daemon {

namespace {

// Named by flag and environment alone, not in the file itself.
OptionInfo ConfigInfo() {
  return {"config", "configuration file", "$XDG_CONFIG_HOME/btfd/btfd.conf"};
}

std::string EnvironmentName(absl::string_view name) {
  return absl::StrCat("BTFD_", absl::AsciiStrToUpper(name));
}

struct ConfigValue {
  std::string text;
  std::string place;  // "FILE:LINE"
};

// Lines of `name = value`, blank ones, and comments from '#' on.
absl::StatusOr<std::map<std::string, ConfigValue>> ReadConfig(
    const std::string& path, bool required) {
  std::map<std::string, ConfigValue> values;
  std::ifstream file(path);
  if (!file) {
    if (!required && (errno == ENOENT || errno == ENOTDIR)) return values;
    return absl::InvalidArgumentError(
        absl::StrCat("cannot read the configuration file ", path));
  }
  std::string line;
  for (int number = 1; std::getline(file, line); ++number) {
    const absl::string_view text = absl::StripAsciiWhitespace(
        absl::string_view(line).substr(0, line.find('#')));
    if (text.empty()) continue;
    const std::string place = absl::StrCat(path, ":", number);
    const std::pair<absl::string_view, absl::string_view> parts =
        absl::StrSplit(text, absl::MaxSplits('=', 1));
    const std::string name(absl::StripAsciiWhitespace(parts.first));
    bool known = false;
    for (const OptionSpec& spec : OptionSpecs())
      known |= spec.info.name == name;
    if (!known || !absl::StrContains(text, '=')) {
      return absl::InvalidArgumentError(absl::StrCat(
          place, ": not `name = value` with the name of an option: ", text));
    }
    values[name] = {std::string(absl::StripAsciiWhitespace(parts.second)),
                    place};
  }
  return values;
}

// $variable if it is an absolute path, else `below_home` in the home
// directory; empty if there is none.
std::string XdgDirectory(const OptionLookup& system, absl::string_view variable,
                         absl::string_view below_home) {
  const std::optional<std::string> own = system(variable);
  if (own.has_value() && absl::StartsWith(*own, "/")) return *own;
  std::string home = system("HOME").value_or("");
  if (!absl::StartsWith(home, "/")) {
    const passwd* user = getpwuid(geteuid());
    if (user == nullptr || user->pw_dir == nullptr) return "";
    home = user->pw_dir;
  }
  return absl::StrCat(home, "/", below_home);
}

absl::StatusOr<std::map<std::string, ConfigValue>> FindConfig(
    const OptionLookup& flag, const OptionLookup& system) {
  std::optional<std::string> path = flag("config");
  if (!path.has_value()) path = system(EnvironmentName("config"));
  if (path.has_value()) return ReadConfig(*path, /*required=*/true);
  const std::string home = XdgDirectory(system, "XDG_CONFIG_HOME", ".config");
  return ReadConfig(home + "/btfd/btfd.conf", /*required=*/false);
}

}  // namespace

std::vector<OptionInfo> ListOptions() {
  std::vector<OptionInfo> infos = {ConfigInfo()};
  for (const OptionSpec& spec : OptionSpecs()) infos.push_back(spec.info);
  return infos;
}

absl::StatusOr<std::map<std::string, std::string>> ReadCommandLine(
    const std::vector<std::string>& arguments) {
  const std::vector<OptionInfo> infos = ListOptions();
  std::map<std::string, std::string> values;
  for (size_t i = 0; i < arguments.size(); ++i) {
    absl::string_view text = arguments[i];
    if (!absl::ConsumePrefix(&text, "--") && !absl::ConsumePrefix(&text, "-")) {
      return absl::FailedPreconditionError(
          absl::StrCat("takes no argument: ", arguments[i]));
    }
    const size_t equal = std::min(text.find('='), text.size());
    const std::string name =
        absl::StrReplaceAll(text.substr(0, equal), {{"-", "_"}});
    const auto found = std::find_if(
        infos.begin(), infos.end(),
        [&name](const OptionInfo& info) { return info.name == name; });
    if (found == infos.end()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "unknown option: ", arguments[i], "; --help lists them"));
    }
    if (equal < text.size()) {
      values[name] = std::string(text.substr(equal + 1));
    } else if (found->is_switch) {
      values[name] = "1";
    } else if (i + 1 < arguments.size()) {
      values[name] = arguments[++i];
    } else {
      return absl::InvalidArgumentError(
          absl::StrCat("a value is missing: ", arguments[i]));
    }
  }
  return values;
}

absl::StatusOr<Options> ReadOptions(const OptionLookup& flag,
                                    const OptionLookup& system) {
  ASSIGN_OR_RETURN(const auto config, FindConfig(flag, system));
  Options options;
  options.threads = std::max(1u, std::thread::hardware_concurrency());
  const util::RuntimePaths paths = util::RuntimePathsOfProcess();
  options.socket = paths.socket;
  options.shared_directory = paths.shared_directory;
  const std::string cache = XdgDirectory(system, "XDG_CACHE_HOME", ".cache");
  if (!cache.empty()) options.store_dir = cache + "/btfd";

  for (const OptionSpec& spec : OptionSpecs()) {
    const std::string name(spec.info.name);
    std::string place = absl::StrCat("--", name);
    std::optional<std::string> text = flag(name);
    if (!text.has_value()) {
      place = EnvironmentName(name);
      text = system(place);
    }
    if (!text.has_value()) {
      const auto found = config.find(name);
      if (found == config.end()) continue;
      place = absl::StrCat(found->second.place, ": ", name);
      text = found->second.text;
    }
    const absl::Status status = spec.read(*text, &options);
    if (!status.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat(place, " = ", *text, ": ", status.message()));
    }
  }
  if (!options.connection_fds.empty()) {
    // A private daemon is what is left when others failed: it has no address,
    // and does its work itself.
    options.listen.clear();
    options.health_listen.clear();
    options.server.clear();
    options.remote_cache.clear();
  }
  return options;
}

}  // namespace btfd::daemon
