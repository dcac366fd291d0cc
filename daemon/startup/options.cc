// SPDX-License-Identifier: Apache-2.0
#include "daemon/startup/options.h"

#include <pwd.h>
#include <stdio.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <thread>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "daemon/startup/option_list.h"
#include "lib/config/config_file.h"
#include "lib/util/runtime_paths.h"
#include "lib/util/status_macros.h"

namespace btfd::daemon {

namespace {

// Set by flag and environment only, not in the configuration file itself.
OptionInfo ConfigInfo() {
  return {"config",
          "configuration file, read instead of the system's and the user's",
          "/etc/btfd/btfd.conf, then $XDG_CONFIG_HOME/btfd/btfd.conf"};
}

std::string EnvironmentName(absl::string_view name) {
  return absl::StrCat("BTFD_", absl::AsciiStrToUpper(name));
}

struct Config {
  std::map<std::string, config::ConfigLine> values;
  std::vector<std::string> complaints;
};

std::vector<std::string> NamesInFiles() {
  std::vector<std::string> names;
  for (const OptionSpec& spec : OptionSpecs()) {
    names.emplace_back(spec.info.name);
  }
  return names;
}

// A later file counts more.
void AddFile(const config::ConfigFile& file, Config* config) {
  config->complaints.insert(config->complaints.end(), file.complaints.begin(),
                            file.complaints.end());
  const std::vector<std::string> names = NamesInFiles();
  for (const config::ConfigLine& line : file.lines) {
    if (std::find(names.begin(), names.end(), line.name) == names.end()) {
      config->complaints.push_back(config::UnknownName(line, names));
    } else {
      config->values[line.name] = line;
    }
  }
}

// The home directory of this process's user in /etc/passwd; empty if there is
// none. Not by getpwuid(): that loads the modules which /etc/nsswitch.conf
// names, of this system's C library, and a static program of another release
// crashes in them.
std::string HomeInPasswd() {
  FILE* const file = fopen("/etc/passwd", "re");
  if (file == nullptr) return "";
  std::string home;
  while (const passwd* const user = fgetpwent(file)) {
    if (user->pw_uid == geteuid()) {
      home = user->pw_dir;
      break;
    }
  }
  fclose(file);
  return absl::StartsWith(home, "/") ? home : "";
}

std::string HomeDirectory(const OptionLookup& system) {
  std::string home = system("HOME").value_or("");
  return absl::StartsWith(home, "/") ? home : HomeInPasswd();
}

std::string CacheDirectory(const OptionLookup& system) {
  const std::string own = system("XDG_CACHE_HOME").value_or("");
  if (absl::StartsWith(own, "/")) return own;
  const std::string home = HomeDirectory(system);
  return home.empty() ? "" : home + "/.cache";
}

Config ReadConfig(const OptionLookup& flag, const OptionLookup& system) {
  std::optional<std::string> path = flag("config");
  if (!path.has_value()) path = system(EnvironmentName("config"));
  Config config;
  if (path.has_value()) {
    const auto file = config::ReadNamedConfigFile(*path);
    if (file.ok()) {
      AddFile(*file, &config);
    } else {
      config.complaints.push_back(
          absl::StrCat("cannot read the configuration file ", *path));
    }
    return config;
  }
  const std::string users =
      config::UserDirectory(system, HomeDirectory(system));
  for (const std::string& directory :
       {config::SystemDirectory(system), users}) {
    if (directory.empty()) continue;
    AddFile(config::ReadConfigFile(directory + "/btfd.conf"), &config);
  }
  return config;
}

// The text of an option that is set, and the place where it is.
struct Setting {
  std::string text;
  std::string place;     // "--threads", "BTFD_THREADS", "FILE:LINE"
  std::string complete;  // the same, and the name where the place lacks it
  OptionSource source;
  bool is_of_call = false;  // on the command line, or in a file named there
};

std::optional<Setting> FindSetting(const std::string& name,
                                   const OptionLookup& flag,
                                   const OptionLookup& system,
                                   const Config& config) {
  if (const auto text = flag(name)) {
    const std::string place = absl::StrCat("--", name);
    return Setting{*text, place, place, OptionSource::kFlag, true};
  }
  const std::string variable = EnvironmentName(name);
  if (const auto text = system(variable)) {
    return Setting{*text, variable, variable, OptionSource::kEnvironment};
  }
  const auto found = config.values.find(name);
  if (found == config.values.end()) return std::nullopt;
  const config::ConfigLine& line = found->second;
  return Setting{line.value, line.place, absl::StrCat(line.place, ": ", name),
                 OptionSource::kFile, flag("config").has_value()};
}

// What a setting without a text has.
Options Defaults(const OptionLookup& system) {
  Options options;
  options.threads = std::max(1u, std::thread::hardware_concurrency());
  const util::RuntimePaths paths = util::RuntimePathsOfProcess();
  options.socket = paths.socket;
  options.shared_directory = paths.shared_directory;
  const std::string cache = CacheDirectory(system);
  if (!cache.empty()) options.store_dir = cache + "/btfd";
  return options;
}

// The places of the settings that are used, by name.
using Places = std::map<std::string, Setting>;

absl::StatusOr<Options> ReadWithPlaces(const OptionLookup& flag,
                                       const OptionLookup& system,
                                       Places* places) {
  const Config config = ReadConfig(flag, system);
  if (flag("config").has_value() && !config.complaints.empty()) {
    return absl::InvalidArgumentError(config.complaints[0]);
  }
  Options options = Defaults(system);
  options.complaints = config.complaints;
  for (const OptionSpec& spec : OptionSpecs()) {
    const std::string name(spec.info.name);
    const std::optional<Setting> setting =
        FindSetting(name, flag, system, config);
    if (!setting.has_value()) continue;
    Options changed = options;
    const absl::Status status = spec.read(setting->text, &changed);
    if (status.ok()) {
      options = std::move(changed);
      (*places)[name] = *setting;
      continue;
    }
    const std::string complaint = absl::StrCat(
        setting->complete, " = ", setting->text, ": ", status.message());
    if (setting->is_of_call) return absl::InvalidArgumentError(complaint);
    options.complaints.push_back(complaint + "; the default is used");
  }
  return options;
}

// The file that was named, for ShowOptions().
ShownOption ShowConfig(const OptionLookup& flag, const OptionLookup& system) {
  ShownOption shown = {ConfigInfo(), ConfigInfo().default_value, "",
                       OptionSource::kDefault};
  if (const auto named = flag("config")) {
    shown.value = *named;
    shown.place = "--config";
    shown.source = OptionSource::kFlag;
  } else if (const auto variable = system(EnvironmentName("config"))) {
    shown.value = *variable;
    shown.place = EnvironmentName("config");
    shown.source = OptionSource::kEnvironment;
  }
  return shown;
}

}  // namespace

absl::string_view SourceName(OptionSource source) {
  switch (source) {
    case OptionSource::kFlag:
      return "flag";
    case OptionSource::kEnvironment:
      return "environment";
    case OptionSource::kFile:
      return "file";
    case OptionSource::kDefault:
      break;
  }
  return "default";
}

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
  Places places;
  return ReadWithPlaces(flag, system, &places);
}

absl::StatusOr<ShownOptions> ShowOptions(const OptionLookup& flag,
                                         const OptionLookup& system) {
  Places places;
  ASSIGN_OR_RETURN(const Options options,
                   ReadWithPlaces(flag, system, &places));
  ShownOptions all;
  all.complaints = options.complaints;
  all.options.push_back(ShowConfig(flag, system));
  for (const OptionSpec& spec : OptionSpecs()) {
    ShownOption shown = {spec.info, spec.show(options), "",
                         OptionSource::kDefault};
    const auto found = places.find(std::string(spec.info.name));
    if (found != places.end()) {
      shown.place = found->second.place;
      shown.source = found->second.source;
    }
    all.options.push_back(std::move(shown));
  }
  return all;
}

std::vector<std::string> CheckConfigFile(const std::string& path) {
  const auto file = config::ReadNamedConfigFile(path);
  if (!file.ok()) return {std::string(file.status().message())};
  Config config;
  AddFile(*file, &config);
  Options options;
  for (const OptionSpec& spec : OptionSpecs()) {
    const auto found = config.values.find(std::string(spec.info.name));
    if (found == config.values.end()) continue;
    const absl::Status status = spec.read(found->second.value, &options);
    if (status.ok()) continue;
    config.complaints.push_back(
        absl::StrCat(found->second.place, ": ", spec.info.name, " = ",
                     found->second.value, ": ", status.message()));
  }
  return config.complaints;
}

}  // namespace btfd::daemon
