// SPDX-License-Identifier: Apache-2.0
#include "client/cli/settings.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/cli/kernel_version.h"

namespace btfd::client {

namespace {

using Kind = SettingKind;

std::vector<SettingInfo> MakeList() {
  return {
      {"profile",
       "finalize as that kernel release does; a whole kernel version is right, "
       "too",
       "kbuild's KERNELVERSION, else what the arguments show",
       Kind::kProfile,
       {"6.x", "7.0", "7.1", "7.2", "7.3"}},
      {"require", "fail rather than work without the shared daemon", "0",
       Kind::kSwitch},
      {"disable",
       "do not use the daemon at all: the client does the work itself", "0",
       Kind::kSwitch},
      {"result_cache", "0: take nothing from the result cache", "1",
       Kind::kSwitch},
      {"base_check",
       "content: hash all of the base for each module, 2 to 3 ms, instead of "
       "trusting its file key",
       "key",
       Kind::kChoice,
       {"key", "content"}},
      {"daemon", "the daemon's program",
       "the btfd beside the client, else in PATH"},
      {"pahole_version",
       "encode as that pahole does",
       "that of the pahole that is found, else 1.32",
       Kind::kChoice,
       {"1.24", "1.30", "1.31", "1.32"}},
      {"encoder",
       "native: never leave encoding to the real pahole; pahole: always; auto: "
       "what cannot be encoded here",
       "auto",
       Kind::kChoice,
       {"auto", "native", "pahole"}},
      {"pahole", "the real pahole, a path or a name in PATH",
       "the first in PATH that does not lead back here"},
      {"socket",
       "path of the daemon's socket; what else is of it stands beside that",
       "btfd-*.sock in runtime_dir",
       Kind::kPath,
       {},
       /*in_files=*/false},
      {"runtime_dir",
       "directory of the socket, for several daemons of one user",
       "$XDG_RUNTIME_DIR/btfd, else /tmp/btfd-UID",
       Kind::kPath,
       {},
       /*in_files=*/false},
      {"system_config_dir",
       "directory of the system's btfc.conf and btfd.conf, for tests",
       config::kSystemDirectory,
       Kind::kPath,
       {},
       /*in_files=*/false},
  };
}

const SettingInfo* Find(absl::string_view name) {
  for (const SettingInfo& info : ListSettings()) {
    if (info.name == name) return &info;
  }
  return nullptr;
}

std::vector<std::string> NamesInFiles() {
  std::vector<std::string> names;
  for (const SettingInfo& info : ListSettings()) {
    if (info.in_files) names.emplace_back(info.name);
  }
  return names;
}

// What is wrong with the line; empty: nothing.
std::string WrongLine(const config::ConfigLine& line) {
  const SettingInfo* const info = Find(line.name);
  if (info == nullptr) return config::UnknownName(line, NamesInFiles());
  if (!info->in_files) {
    return absl::StrCat(line.place, ": ", line.name,
                        " is set in the environment only, by ",
                        VariableOf(line.name));
  }
  const std::string wrong = WrongText(*info, line.value);
  if (wrong.empty()) return "";
  return absl::StrCat(line.place, ": ", line.name, " = ", line.value, ": ",
                      wrong);
}

}  // namespace

const std::vector<SettingInfo>& ListSettings() {
  static const auto* const list = new std::vector<SettingInfo>(MakeList());
  return *list;
}

std::string VariableOf(absl::string_view name) {
  return absl::StrCat("BTFD_", absl::AsciiStrToUpper(name));
}

std::string WrongText(const SettingInfo& setting, absl::string_view text) {
  const auto& choices = setting.choices;
  const bool chosen =
      std::find(choices.begin(), choices.end(), text) != choices.end();
  switch (setting.kind) {
    case Kind::kSwitch:
      return std::string(config::ParseSwitch(text).status().message());
    case Kind::kPath:
      return "";
    case Kind::kProfile:
      if (chosen || ParseKernelVersion(text).has_value()) return "";
      return absl::StrCat("must be ", absl::StrJoin(choices, ", "),
                          " or a kernel version");
    case Kind::kChoice:
      break;
  }
  return chosen ? "" : absl::StrCat("must be ", absl::StrJoin(choices, ", "));
}

Settings Settings::Read(const config::Lookup& environment) {
  Settings settings;
  const std::string users =
      config::UserDirectory(environment, environment("HOME").value_or(""));
  for (const std::string& directory :
       {config::SystemDirectory(environment), users}) {
    if (directory.empty()) continue;
    settings.AddFile(config::ReadConfigFile(directory + "/btfc.conf"));
  }
  for (const SettingInfo& info : ListSettings()) {
    std::string variable = VariableOf(info.name);
    const std::optional<std::string> text = environment(variable);
    if (!text.has_value()) continue;
    settings.set_[std::string(info.name)] = {*text, std::move(variable),
                                             SettingSource::kEnvironment};
  }
  return settings;
}

void Settings::AddFile(const config::ConfigFile& file) {
  complaints_.insert(complaints_.end(), file.complaints.begin(),
                     file.complaints.end());
  for (const config::ConfigLine& line : file.lines) {
    const std::string wrong = WrongLine(line);
    if (!wrong.empty()) {
      complaints_.push_back(wrong + "; it is not used");
      continue;
    }
    set_[line.name] = {line.value, line.place, SettingSource::kFile};
  }
}

Setting Settings::Get(absl::string_view name) const {
  const auto found = set_.find(name);
  return found == set_.end() ? Setting() : found->second;
}

bool Settings::IsOn(absl::string_view name, bool otherwise) const {
  const std::string text = Text(name);
  if (text.empty()) return otherwise;
  // Whatever else a variable says has always meant yes.
  return config::ParseSwitch(text).value_or(true);
}

std::vector<std::string> CheckSettingsFile(const std::string& path) {
  const auto file = config::ReadNamedConfigFile(path);
  if (!file.ok()) return {std::string(file.status().message())};
  std::vector<std::string> complaints = file->complaints;
  for (const config::ConfigLine& line : file->lines) {
    std::string wrong = WrongLine(line);
    if (!wrong.empty()) complaints.push_back(std::move(wrong));
  }
  return complaints;
}

}  // namespace btfd::client
