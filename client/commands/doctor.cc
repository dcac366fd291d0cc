// SPDX-License-Identifier: Apache-2.0
//
// btfc doctor: finds out what prevents modules with BTF on this machine. It
// examines the build directory in the order in which kbuild uses it, and then
// the daemon, without starting one.
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "client/cli/command_line.h"
#include "client/cli/environment.h"
#include "client/cli/program.h"
#include "client/commands/build_tree.h"
#include "client/commands/commands.h"
#include "client/commands/config.h"
#include "client/commands/doctor_fix.h"
#include "client/commands/module_examination.h"
#include "client/encode/real_pahole.h"
#include "client/encode/stand_in.h"
#include "client/manual/pages.h"
#include "client/rpc/connection.h"
#include "client/rpc/daemon_calls.h"
#include "client/rpc/daemon_process.h"
#include "client/rpc/shared_daemon.h"
#include "lib/util/runtime_paths.h"
#include "lib/util/version.h"

namespace btfd::client {

namespace {

using Grade = Finding::Grade;

// A daemon without a store sends this instead of the store's path.
constexpr absl::string_view kNoStore = "none";
constexpr absl::Duration kStatusLimit = absl::Seconds(5);

// Clients report these when they could not use the shared daemon.
uint64_t CountFallbacks(const v1::GetStatusResponse& status) {
  uint64_t count = 0;
  for (const auto& [name, value] : status.lifetime_counters()) {
    if (absl::StartsWith(name, "fallback")) count += value;
  }
  return count;
}

void ExamineRunningDaemon(DirectConnection* daemon,
                          std::vector<Finding>* findings) {
  v1::GetStatusResponse status;
  const absl::Status called =
      daemon->Call(kGetStatus.path, v1::GetStatusRequest(),
                   {kStatusLimit, kSilenceLimit, kProbeLimit}, &status);
  if (!called.ok()) {
    findings->push_back(
        {Grade::kBad,
         absl::StrCat("the daemon does not answer: ", called.message()),
         "btfc restart; until then builds do without it", Fix::kRestartDaemon});
    return;
  }
  findings->push_back(
      {Grade::kGood,
       absl::StrCat("the daemon runs: btfd ", status.version(), ", pid ",
                    status.pid(), ", ", status.bases_size(), " bases, ",
                    status.socket()),
       ""});
  if (absl::StartsWith(status.store(), kNoStore)) {
    findings->push_back(
        {Grade::kNote,
         absl::StrCat("it keeps nothing beyond its end: its store is ",
                      status.store()),
         "give it a directory of yours to write to (XDG_CACHE_HOME, or "
         "store_dir in btfd.conf), then: btfc restart",
         Fix::kSettings});
  }
  const bool mended = std::none_of(
      findings->begin(), findings->end(),
      [](const Finding& finding) { return finding.fix == Fix::kSettings; });
  for (const std::string& complaint : status.complaints()) {
    findings->push_back({Grade::kNote, "it was started with: " + complaint,
                         "btfc restart, once that is mended",
                         mended ? Fix::kRestartDaemon : Fix::kSettings});
  }
  if (status.version() != util::kVersion) {
    findings->push_back({Grade::kNote,
                         absl::StrCat("it is btfd ", status.version(),
                                      ", and this is btfc ", util::kVersion),
                         "btfc restart", Fix::kRestartDaemon});
  }
  const char* const server = getenv("BTFD_SERVER");
  if (server != nullptr && status.server() != server) {
    findings->push_back(
        {Grade::kNote,
         absl::StrCat("BTFD_SERVER is ", server, ", and the daemon ",
                      status.server().empty()
                          ? "hands nothing on"
                          : "hands work on to " + status.server()),
         "btfc restart: it reads that when it starts", Fix::kRestartDaemon});
  }
  if (const uint64_t fallbacks = CountFallbacks(status)) {
    findings->push_back({Grade::kNote,
                         absl::StrCat("so far ", fallbacks,
                                      " times a client had to do without it"),
                         "btfc status names the reasons"});
  }
}

// Starts a daemon with the present settings, which prints what is wrong with
// them, one line for each.
void ExamineSettings(const std::string& program,
                     std::vector<Finding>* findings) {
  std::string output;
  const absl::StatusOr<int> ended = RunProgram({program, "--check"}, &output);
  if (!ended.ok() || (*ended != 0 && output.empty())) {
    findings->push_back(
        {Grade::kBad,
         ended.ok() ? absl::StrCat(program, " --check ended with ", *ended)
                    : std::string(ended.status().message()),
         "it says why; until then builds do without a daemon", Fix::kSettings});
    return;
  }
  for (const absl::string_view line :
       absl::StrSplit(output, '\n', absl::SkipEmpty())) {
    findings->push_back({Grade::kNote, absl::StrCat("its settings: ", line),
                         "mend that, then btfc restart; builds go on without",
                         Fix::kSettings});
  }
  if (output.empty()) {
    findings->push_back({Grade::kGood, "it starts with its settings", ""});
  }
}

// A directory that we would use, but another user made it. Most often that was
// root (`sudo -E`), and we are its victim; or we are root in a user's place.
void ExaminePlace(const std::string& directory, absl::string_view meaning,
                  std::vector<Finding>* findings) {
  struct stat info;
  if (directory.empty() || stat(directory.c_str(), &info) != 0 ||
      info.st_uid == geteuid()) {
    return;
  }
  findings->push_back(
      {Grade::kNote,
       absl::StrCat(directory, " belongs to uid ", info.st_uid, "; ", meaning),
       geteuid() == 0 ? "that is as it should be under sudo -E"
                      : "sudo rm -r " + directory,
       geteuid() == 0 ? Fix::kNone : Fix::kReplace});
}

std::string FromEnvironment(const char* name) {
  const char* const value = getenv(name);
  return value == nullptr ? "" : value;
}

void ExaminePlaces(const util::RuntimePaths& paths,
                   std::vector<Finding>* findings) {
  ExaminePlace(paths.passed_over,
               absl::StrCat(paths.directory, " is used instead"), findings);
  std::string cache = FromEnvironment("XDG_CACHE_HOME");
  if (cache.empty()) cache = FromEnvironment("HOME") + "/.cache";
  ExaminePlace(cache + "/btfd", "the daemon works without a store", findings);
}

std::vector<Finding> ExamineDaemon() {
  std::vector<Finding> findings;
  const Environment environment = Environment::OfProcess();
  const absl::StatusOr<std::string> program =
      FindDaemon(environment.daemon_program);
  if (program.ok()) {
    findings.push_back(
        {Grade::kGood, "the daemon's program is " + *program, ""});
    ExamineSettings(*program, &findings);
  } else {
    findings.push_back({Grade::kBad, std::string(program.status().message()),
                        "install btfd beside btfc or in PATH, or name it with "
                        "BTFD_DAEMON",
                        Fix::kInstall});
  }
  const util::RuntimePaths paths = util::RuntimePathsOfProcess();
  ExaminePlaces(paths, &findings);
  if (access(paths.directory.c_str(), F_OK) == 0) {
    const absl::Status directory =
        util::EnsurePrivateDirectory(paths.directory);
    if (!directory.ok()) {
      findings.push_back({Grade::kBad, std::string(directory.message()),
                          "builds do without a daemon until that is mended",
                          Fix::kReplace});
      return findings;
    }
  }
  if (BackoffMark::OfFailure(paths).Active()) {
    findings.push_back(
        {Grade::kNote,
         "a client was let down by the daemon within the last minute; others "
         "go round it for so long",
         "btfc restart, if it goes on; the log is " + paths.log,
         Fix::kStartDaemon});
  }
  const auto daemon = OpenRunningDaemon();
  if (daemon.ok()) {
    ExamineRunningDaemon(daemon->get(), &findings);
  } else if (absl::IsNotFound(daemon.status())) {
    findings.push_back(
        {Grade::kGood, "no daemon runs; the first module will start one", ""});
  } else {
    findings.push_back({Grade::kBad, std::string(daemon.status().message()),
                        "btfc restart", Fix::kRestartDaemon});
  }
  return findings;
}

bool IsRegularFile(const std::string& path) {
  struct stat info;
  return stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode);
}

// Says which pahole's BTF btfc encodes.
Finding ExamineStandIn() {
  const char* const pahole = getenv("PAHOLE");
  StandInSettings settings = StandInSettingsOfProcess();
  settings.real = RealPaholeOf(pahole == nullptr ? "" : pahole);
  const absl::StatusOr<StandIn> stand_in = ChooseStandIn(settings);
  if (!stand_in.ok()) {
    return {Grade::kBad, std::string(stand_in.status().message()),
            "set it to one of these, or unset it", Fix::kSettings};
  }
  if (stand_in->choice == EncoderChoice::kPahole) {
    const bool missing = stand_in->real.empty();
    return {missing ? Grade::kBad : Grade::kNote,
            absl::StrCat("BTFD_ENCODER leaves all encoding to the real pahole",
                         missing ? ", and there is none" : ""),
            "unset it: btfc encodes in less time, and the same bytes",
            Fix::kSettings};
  }
  if (!stand_in->version.has_value()) {
    return {Grade::kNote,
            absl::StrCat("btfc leaves encoding to the real pahole: ",
                         stand_in->decided_by, " says '", stand_in->said,
                         "', which is not known here"),
            "BTFD_PAHOLE_VERSION=1.24, 1.30, 1.31 or 1.32 names one that is",
            Fix::kSettings};
  }
  return {Grade::kGood,
          absl::StrCat("btfc encodes BTF as pahole ",
                       DescribeStandIn(*stand_in), " does"),
          ""};
}

std::vector<Finding> ExamineEncoder() {
  std::vector<Finding> findings = {ExamineStandIn()};
  for (const std::string& path : PaholesThatLeadBack()) {
    findings.push_back(
        {Grade::kNote,
         path + " is no pahole: it is btfd, or calls `pahole` and so btfd",
         "btfd passes it over; remove it, or name the real one with "
         "BTFD_PAHOLE=/its/path",
         Fix::kReplace});
  }
  return findings;
}

struct Section {
  std::string title;
  std::vector<Finding> findings;
};

// Prints the findings.
void Report(const Section& section) {
  printf("%s\n", section.title.c_str());
  for (const Finding& finding : section.findings) {
    const char* grade = "ok";
    if (finding.grade == Grade::kNote) grade = "note";
    if (finding.grade == Grade::kBad) grade = "BAD";
    printf("  %-4s  %s\n", grade, finding.what.c_str());
    if (!finding.advice.empty()) {
      printf("        -> %s\n", finding.advice.c_str());
    }
  }
}

bool AnyBad(const std::vector<Section>& sections) {
  for (const Section& section : sections) {
    for (const Finding& finding : section.findings) {
      if (finding.grade == Grade::kBad) return true;
    }
  }
  return false;
}

std::vector<Finding> ExamineClientSettings() {
  std::vector<Finding> findings;
  for (std::string& complaint : ComplaintsAboutSettings()) {
    findings.push_back({Grade::kNote, std::move(complaint),
                        "mend that; btfc config show says what holds",
                        Fix::kSettings});
  }
  if (findings.empty()) {
    findings.push_back({Grade::kGood, "there is no mistake in them", ""});
  }
  return findings;
}

// All that there is to find out. Sets the build directory, if it is empty.
std::vector<Section> Examine(const Machine& machine, const std::string& module,
                             std::string* directory) {
  std::vector<Section> sections;
  std::string release = machine.running_release;
  if (!module.empty()) {
    ModuleExamination examination = ExamineModule(module);
    if (!examination.release.empty()) release = examination.release;
    sections.push_back({"The module", std::move(examination.findings)});
  }
  if (directory->empty()) {
    *directory = absl::StrCat("/lib/modules/", release, "/build");
  }
  sections.push_back(
      {"Building modules", ExamineBuildTree(machine, *directory)});
  sections.push_back({"The encoder", ExamineEncoder()});
  sections.push_back({"The client's settings", ExamineClientSettings()});
  sections.push_back({"The daemon", ExamineDaemon()});
  return sections;
}

}  // namespace

int RunDoctor(const std::vector<std::string>& arguments) {
  bool fix = false;
  CommandLine line(DoctorPage());
  line.Flag("fix", &fix);
  std::vector<std::string> rest;
  if (const std::optional<int> exit_code = line.Parse(arguments, &rest)) {
    return *exit_code;
  }
  if (rest.size() > 1) return line.WrongCall("name one BUILD-DIRECTORY");
  const Machine machine = Machine::ThisOne();
  const bool is_module = !rest.empty() && IsRegularFile(rest[0]);
  const std::string module = is_module ? rest[0] : "";
  std::string directory = rest.empty() || is_module ? "" : rest[0];

  std::vector<Section> sections = Examine(machine, module, &directory);
  for (const Section& section : sections) Report(section);
  if (fix) {
    printf("What --fix did\n");
    Fixer fixer(machine, directory);
    std::vector<bool> changed;
    for (const Section& section : sections) {
      changed.push_back(fixer.Apply(section.findings));
    }
    if (fixer.nothing_found()) printf("  nothing: there was nothing to do\n");
    sections = Examine(machine, module, &directory);
    for (size_t i = 0; i < sections.size(); ++i) {
      if (!changed[i]) continue;
      sections[i].title += " afterwards";
      Report(sections[i]);
    }
  }
  return AnyBad(sections) ? kExitFailure : 0;
}

}  // namespace btfd::client
