// SPDX-License-Identifier: Apache-2.0
//
// btfc config: shows every setting of client and daemon with its place, and
// checks configuration files. The daemon's settings are known to its program
// alone, which is asked for them.
#include "client/commands/config.h"

#include <stdio.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "client/cli/command_line.h"
#include "client/cli/program.h"
#include "client/cli/settings.h"
#include "client/commands/commands.h"
#include "client/encode/real_pahole.h"
#include "client/manual/pages.h"
#include "client/rpc/daemon_process.h"
#include "lib/config/config_file.h"
#include "lib/util/json.h"
#include "lib/util/status_macros.h"

namespace btfd::client {

namespace {

struct ShownSetting {
  std::string name;
  std::string value;
  std::string source;  // "flag", "environment", "file", "default"
  std::string place;
  std::string default_value;
  std::string meaning;
};

struct Shown {
  std::vector<ShownSetting> client;
  std::string daemon_program;
  std::vector<ShownSetting> daemon;
  std::vector<std::string> complaints;
};

const char* SourceName(SettingSource source) {
  switch (source) {
    case SettingSource::kEnvironment:
      return "environment";
    case SettingSource::kFile:
      return "file";
    case SettingSource::kDefault:
      break;
  }
  return "default";
}

void AddClient(Shown* shown) {
  const Settings settings = Settings::OfProcess();
  shown->complaints = settings.complaints();
  for (const SettingInfo& info : ListSettings()) {
    const Setting setting = settings.Get(info.name);
    const std::string otherwise(info.default_value);
    shown->client.push_back({std::string(info.name),
                             setting.text.empty() ? otherwise : setting.text,
                             SourceName(setting.source), setting.place,
                             otherwise, std::string(info.meaning)});
    if (setting.text.empty()) continue;
    const std::string wrong = WrongText(info, setting.text);
    if (wrong.empty()) continue;
    shown->complaints.push_back(
        absl::StrCat(setting.place, " = ", setting.text, ": ", wrong));
  }
}

// Asks the daemon's program; daemon/main.cc says what it prints.
absl::Status AddDaemon(Shown* shown) {
  ASSIGN_OR_RETURN(shown->daemon_program,
                   FindDaemon(Settings::OfProcess().Text("daemon")));
  std::string output;
  ASSIGN_OR_RETURN(
      const int ended,
      RunProgram({shown->daemon_program, "--show-settings"}, &output));
  if (ended != 0) {
    return absl::FailedPreconditionError(absl::StrCat(
        shown->daemon_program, " --show-settings ended with ", ended));
  }
  for (const absl::string_view line :
       absl::StrSplit(output, '\n', absl::SkipEmpty())) {
    std::vector<std::string> fields;
    for (const absl::string_view field : absl::StrSplit(line, '\t')) {
      fields.emplace_back();
      if (!absl::CUnescape(field, &fields.back())) fields.clear();
    }
    if (fields.size() == 2 && fields[0] == "!") {
      shown->complaints.push_back(fields[1]);
    } else if (fields.size() == 6) {
      shown->daemon.push_back(
          {fields[0], fields[1], fields[2], fields[3], fields[4], fields[5]});
    } else {
      return absl::FailedPreconditionError(
          absl::StrCat(shown->daemon_program,
                       " --show-settings: not what this btfc reads: ", line));
    }
  }
  return absl::OkStatus();
}

// Variables that nobody reads.
void AddUnknownVariables(Shown* shown) {
  std::vector<std::string> known;
  for (const auto* settings : {&shown->client, &shown->daemon}) {
    for (const ShownSetting& setting : *settings) {
      known.push_back(VariableOf(setting.name));
    }
  }
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string name =
        std::string(*variable).substr(0, std::string(*variable).find('='));
    if (!absl::StartsWith(name, "BTFD_") || name == kPaholeTried ||
        name == "BTFD_TESTDATA" ||  // of tools/testdata
        std::find(known.begin(), known.end(), name) != known.end()) {
      continue;
    }
    shown->complaints.push_back(absl::StrCat(name, ": no setting has this name",
                                             config::Similar(name, known)));
  }
}

// What stands for nothing says less than the table does.
const std::string& ShownValue(const ShownSetting& setting) {
  return setting.place.empty() && setting.value == "-" ? setting.default_value
                                                       : setting.value;
}

void PrintText(const std::vector<ShownSetting>& settings) {
  constexpr size_t kWidest = 48;
  size_t names = 0, values = 0;
  for (const ShownSetting& setting : settings) {
    names = std::max(names, setting.name.size());
    values = std::max(values, std::min(ShownValue(setting).size(), kWidest));
  }
  for (const ShownSetting& setting : settings) {
    absl::PrintF("  %-*s  %-*s  %s\n", static_cast<int>(names), setting.name,
                 static_cast<int>(values), ShownValue(setting),
                 setting.place.empty() ? setting.source : setting.place);
  }
}

void AddJson(absl::string_view key, const std::vector<ShownSetting>& settings,
             util::JsonWriter* json) {
  json->Open('[', key);
  for (const ShownSetting& setting : settings) {
    json->Open('{')
        .Add("name", setting.name)
        .Add("value", setting.value)
        .Add("source", setting.source)
        .Add("place", setting.place)
        .Add("default", setting.default_value)
        .Add("meaning", setting.meaning)
        .Close();
  }
  json->Close();
}

int Show(bool as_json) {
  Shown shown;
  AddClient(&shown);
  const absl::Status daemon = AddDaemon(&shown);
  if (daemon.ok()) AddUnknownVariables(&shown);
  if (as_json) {
    util::JsonWriter json;
    json.Open('{');
    AddJson("client", shown.client, &json);
    json.Add("daemon_program", shown.daemon_program);
    AddJson("daemon", shown.daemon, &json);
    json.Open('[', "complaints");
    for (const std::string& complaint : shown.complaints) {
      json.Add("", complaint);
    }
    json.Close().Close();
    puts(json.text().c_str());
  } else {
    puts("client");
    PrintText(shown.client);
    if (daemon.ok()) {
      printf("daemon, %s\n", shown.daemon_program.c_str());
      PrintText(shown.daemon);
    }
    fflush(stdout);
    for (const std::string& complaint : shown.complaints) SayError(complaint);
  }
  if (daemon.ok()) return 0;
  SayError(
      absl::StrCat("the daemon's settings are not known: ", daemon.message()));
  return kExitFailure;
}

// What is wrong with a file of the daemon, a line for each.
absl::StatusOr<std::string> CheckByDaemon(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string program,
                   FindDaemon(Settings::OfProcess().Text("daemon")));
  std::string output;
  ASSIGN_OR_RETURN(const int ended,
                   RunProgram({program, "--check-config", path}, &output));
  if (ended != 0 && output.empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat(program, " --check-config ended with ", ended));
  }
  return output;
}

// What is wrong with a file for builds of kernels (tools/kbuild/kbuild.conf).
std::vector<std::string> CheckKbuildFile(const std::string& path) {
  const auto file = config::ReadNamedConfigFile(path);
  if (!file.ok()) return {std::string(file.status().message())};
  const std::vector<std::string> names = {"dkms", "verify"};
  std::vector<std::string> complaints = file->complaints;
  for (const config::ConfigLine& line : file->lines) {
    if (std::find(names.begin(), names.end(), line.name) == names.end()) {
      complaints.push_back(config::UnknownName(line, names));
    } else if (line.name == "verify" && line.value != "warn" &&
               line.value != "fail" && line.value != "off") {
      complaints.push_back(absl::StrCat(line.place, ": verify = ", line.value,
                                        ": must be warn, fail, off"));
    }
  }
  return complaints;
}

enum class Owner { kByName, kClient, kDaemon, kKbuild };

// kByName if the name does not tell.
Owner OwnerOf(absl::string_view path) {
  const absl::string_view name = path.substr(path.rfind('/') + 1);
  if (absl::StartsWith(name, "btfc.conf")) return Owner::kClient;
  if (absl::StartsWith(name, "btfd.conf")) return Owner::kDaemon;
  if (absl::StartsWith(name, "kbuild.conf")) return Owner::kKbuild;
  return Owner::kByName;
}

int Check(const CommandLine& line, Owner owner,
          const std::vector<std::string>& paths) {
  for (const std::string& path : paths) {
    if (owner == Owner::kByName && OwnerOf(path) == Owner::kByName) {
      return line.WrongCall(absl::StrCat(
          path,
          " is called neither btfc.conf nor btfd.conf: say --client or "
          "--daemon"));
    }
  }
  int exit_code = 0;
  for (const std::string& path : paths) {
    const Owner of_file = owner == Owner::kByName ? OwnerOf(path) : owner;
    if (of_file != Owner::kDaemon) {
      for (const std::string& complaint : of_file == Owner::kClient
                                              ? CheckSettingsFile(path)
                                              : CheckKbuildFile(path)) {
        puts(complaint.c_str());
        exit_code = kExitFailure;
      }
      continue;
    }
    const absl::StatusOr<std::string> said = CheckByDaemon(path);
    if (said.ok()) {
      fputs(said->c_str(), stdout);
      if (!said->empty()) exit_code = kExitFailure;
    } else {
      SayError(said.status().message());
      exit_code = kExitFailure;
    }
  }
  return exit_code;
}

}  // namespace

std::vector<std::string> ComplaintsAboutSettings() {
  Shown shown;
  AddClient(&shown);
  std::vector<std::string> complaints = std::move(shown.complaints);
  shown.complaints.clear();
  if (!AddDaemon(&shown).ok()) return complaints;
  shown.complaints.clear();  // the daemon's own
  AddUnknownVariables(&shown);
  complaints.insert(complaints.end(), shown.complaints.begin(),
                    shown.complaints.end());
  return complaints;
}

int RunConfig(const std::vector<std::string>& arguments) {
  bool as_json = false, of_client = false, of_daemon = false;
  CommandLine line(ConfigPage());
  line.Flag("json", &as_json);
  line.Flag("client", &of_client);
  line.Flag("daemon", &of_daemon);
  std::vector<std::string> words;
  const std::optional<int> end = line.Parse(arguments, &words);
  if (end.has_value()) return *end;
  const std::string verb = words.empty() ? "" : words[0];
  const bool owned = of_client || of_daemon;
  if (verb == "show" && words.size() == 1 && !owned) return Show(as_json);
  if (verb == "check" && words.size() > 1 && !as_json &&
      !(of_client && of_daemon)) {
    const Owner owner = of_client   ? Owner::kClient
                        : of_daemon ? Owner::kDaemon
                                    : Owner::kByName;
    return Check(line, owner, {words.begin() + 1, words.end()});
  }
  return line.WrongCall("say `show`, or `check` and a FILE");
}

}  // namespace btfd::client
