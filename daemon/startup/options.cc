// SPDX-License-Identifier: Apache-2.0
#include "daemon/startup/options.h"

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/stat.h>
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

// Set by flag and environment only, not in the configuration file itself.
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

struct Config {
  std::map<std::string, ConfigValue> values;
  std::vector<std::string> complaints;  // lines that set no option
};

// Parses lines of `name = value`, empty lines, and comments that begin with
// '#'.
Config ParseConfig(std::istream* file, const std::string& path) {
  Config config;
  std::string line;
  for (int number = 1; std::getline(*file, line); ++number) {
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
      config.complaints.push_back(absl::StrCat(
          place, ": not `name = value` with the name of an option: ", text));
      continue;
    }
    config.values[name] = {
        std::string(absl::StripAsciiWhitespace(parts.second)), place};
  }
  return config;
}

// The value of $variable if it is an absolute path, else `below_home` in the
// home directory; empty if there is no home directory.
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

Config ReadConfig(const OptionLookup& flag, const OptionLookup& system) {
  std::optional<std::string> path = flag("config");
  if (!path.has_value()) path = system(EnvironmentName("config"));
  const bool required = path.has_value();
  if (!required) {
    path =
        XdgDirectory(system, "XDG_CONFIG_HOME", ".config") + "/btfd/btfd.conf";
  }
  std::ifstream file(*path);
  Config none;
  // The home directory may belong to another user (su, sudo -E, containers).
  // That user's settings are not for us.
  if (struct stat info; !required && file && stat(path->c_str(), &info) == 0 &&
                        info.st_uid != geteuid() && info.st_uid != 0) {
    none.complaints.push_back(absl::StrCat(*path, ": belongs to uid ",
                                           info.st_uid, "; it is not used"));
    return none;
  }
  if (file) return ParseConfig(&file, *path);
  if (!required) return none;
  none.complaints.push_back(
      absl::StrCat("cannot read the configuration file ", *path));
  return none;
}

// The text of an option that is set, and the place where it is.
struct Setting {
  std::string text;
  std::string place;
  bool is_of_call = false;  // on the command line, or in a file named there
};

std::optional<Setting> FindSetting(const std::string& name,
                                   const OptionLookup& flag,
                                   const OptionLookup& system,
                                   const Config& config) {
  if (const auto text = flag(name)) {
    return Setting{*text, absl::StrCat("--", name), true};
  }
  const std::string variable = EnvironmentName(name);
  if (const auto text = system(variable)) return Setting{*text, variable};
  const auto found = config.values.find(name);
  if (found == config.values.end()) return std::nullopt;
  return Setting{found->second.text,
                 absl::StrCat(found->second.place, ": ", name),
                 flag("config").has_value()};
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
  const Config config = ReadConfig(flag, system);
  if (flag("config").has_value() && !config.complaints.empty()) {
    return absl::InvalidArgumentError(config.complaints[0]);
  }
  Options options;
  options.threads = std::max(1u, std::thread::hardware_concurrency());
  const util::RuntimePaths paths = util::RuntimePathsOfProcess();
  options.socket = paths.socket;
  options.shared_directory = paths.shared_directory;
  const std::string cache = XdgDirectory(system, "XDG_CACHE_HOME", ".cache");
  if (!cache.empty()) options.store_dir = cache + "/btfd";

  options.complaints = config.complaints;
  for (const OptionSpec& spec : OptionSpecs()) {
    const std::optional<Setting> setting =
        FindSetting(std::string(spec.info.name), flag, system, config);
    if (!setting.has_value()) continue;
    Options changed = options;
    const absl::Status status = spec.read(setting->text, &changed);
    if (status.ok()) {
      options = std::move(changed);
      continue;
    }
    const std::string complaint = absl::StrCat(
        setting->place, " = ", setting->text, ": ", status.message());
    if (setting->is_of_call) return absl::InvalidArgumentError(complaint);
    options.complaints.push_back(complaint + "; the default is used");
  }
  return options;
}

}  // namespace btfd::daemon
