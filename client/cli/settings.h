// SPDX-License-Identifier: Apache-2.0
//
// The client's settings. One table (ListSettings()) names each. It is looked up
// in the environment (BTFD_PROFILE), then in the user's configuration file
// (`profile = 7.3` in $XDG_CONFIG_HOME/btfd/btfc.conf), then in the system's
// (/etc/btfd/btfc.conf). A variable that is set to nothing means the default,
// whatever a file says. What a command has as an option comes before all that.
#ifndef BTFD_CLIENT_CLI_SETTINGS_H_
#define BTFD_CLIENT_CLI_SETTINGS_H_

#include <map>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "lib/config/config_file.h"

namespace btfd::client {

enum class SettingKind {
  kSwitch,
  kChoice,   // one of `choices`
  kProfile,  // one of `choices`, or a kernel version
  kPath,
};

struct SettingInfo {
  absl::string_view name;
  absl::string_view meaning;
  absl::string_view default_value;  // for people
  SettingKind kind = SettingKind::kPath;
  std::vector<absl::string_view> choices = {};
  // It can stand in files. Others must be known to the daemon as well, which
  // has the client's environment, but not its files.
  bool in_files = true;
};

// In the order in which the manual lists them.
const std::vector<SettingInfo>& ListSettings();
// "BTFD_PROFILE" for "profile".
std::string VariableOf(absl::string_view name);

enum class SettingSource { kDefault, kFile, kEnvironment };

struct Setting {
  std::string text;
  std::string place;  // "BTFD_PROFILE", "FILE:LINE"; empty: the default
  SettingSource source = SettingSource::kDefault;
};

class Settings {
 public:
  // Reads at most two files.
  static Settings OfProcess() { return Read(config::EnvironmentOfProcess); }
  static Settings Read(const config::Lookup& environment);

  // The text is empty if nothing sets it. Of a file it is one that the setting
  // can have; the environment's may be wrong, and who uses it says so.
  Setting Get(absl::string_view name) const;
  std::string Text(absl::string_view name) const { return Get(name).text; }
  // For switches. `otherwise` if nothing sets it.
  bool IsOn(absl::string_view name, bool otherwise) const;

  // What is wrong with the files, a line for each.
  const std::vector<std::string>& complaints() const { return complaints_; }

 private:
  void AddFile(const config::ConfigFile& file);

  std::map<std::string, Setting, std::less<>> set_;
  std::vector<std::string> complaints_;
};

// What is wrong with a text for that setting; empty: nothing.
std::string WrongText(const SettingInfo& setting, absl::string_view text);

// What is wrong with a configuration file, a line for each.
std::vector<std::string> CheckSettingsFile(const std::string& path);

}  // namespace btfd::client

#endif  // BTFD_CLIENT_CLI_SETTINGS_H_
