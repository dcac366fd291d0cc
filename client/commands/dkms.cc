// SPDX-License-Identifier: Apache-2.0
//
// btfc dkms: whether DKMS packages are built with btfd. tools/kbuild/README.md
// says how that works, and why in this way.
#include <stdio.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "client/cli/command_line.h"
#include "client/commands/commands.h"
#include "client/dkms/build_directories.h"
#include "client/dkms/selection.h"
#include "client/dkms/tree.h"
#include "client/manual/pages.h"
#include "lib/elf/compressed.h"
#include "lib/elf/module_file.h"
#include "lib/util/file.h"
#include "lib/util/status_macros.h"

namespace btfd::client {

namespace {

constexpr char kConfiguration[] = "/etc/btfd/kbuild.conf";
constexpr char kTree[] = "/var/lib/dkms";

using State = BuildDirectory::State;

struct Places {
  BuildDirectories directories;

  const std::string& root() const { return directories.root; }
  std::string configuration() const { return root() + kConfiguration; }
};

// ../lib/btfd beside the directory of this program.
std::string LibraryOfProcess() {
  char path[4096];
  const ssize_t size = readlink("/proc/self/exe", path, sizeof(path));
  std::string program(path, size < 0 ? 0 : size);
  for (int i = 0; i < 2; ++i) {
    const size_t slash = program.rfind('/');
    program.resize(slash == std::string::npos ? 0 : slash);
  }
  return program + "/lib/btfd";
}

// The text of the configuration; empty if there is none.
absl::StatusOr<std::string> ReadConfiguration(const Places& places) {
  absl::StatusOr<std::string> text = util::ReadFile(places.configuration());
  if (absl::IsNotFound(text.status())) return "";
  return text;
}

// What a person should know about a directory that gets no file; or nullptr.
const char* WhyNotServed(State state) {
  switch (state) {
    case State::kServed:
    case State::kFree:
    case State::kLeftOver:
      return nullptr;
    case State::kForeign:
      return "it has a GNUmakefile that is not btfd's, or was edited";
    case State::kOwnTree:
      return "a kernel tree of somebody's own; see tools/kbuild/README.md";
  }
  return nullptr;
}

absl::Status SyncOne(const Places& places, const BuildDirectory& directory,
                     bool on) {
  const bool has =
      directory.state == State::kServed || directory.state == State::kLeftOver;
  if (on && directory.state == State::kFree) {
    RETURN_IF_ERROR(places.directories.Put(directory));
    printf("%s: DKMS packages are built with btfd\n", directory.path.c_str());
  } else if (has && (!on || directory.state == State::kLeftOver)) {
    RETURN_IF_ERROR(places.directories.Remove(directory));
    printf("%s: nothing of btfd is in it any more\n", directory.path.c_str());
  }
  return absl::OkStatus();
}

// Does what `btfc dkms sync` does. Goes on after an error, and returns the last
// one.
absl::Status Sync(const Places& places, bool on) {
  if (on) {
    const std::string file =
        absl::StrCat(places.root(), places.directories.library, "/kbuild.mk");
    if (access(file.c_str(), R_OK) != 0) {
      return absl::NotFoundError(absl::StrCat(
          file,
          " is missing: install the package btfd-kbuild, or tools/package "
          "--install"));
    }
  }
  absl::Status status;
  for (const BuildDirectory& directory : places.directories.Find()) {
    status.Update(SyncOne(places, directory, on));
  }
  return status;
}

absl::Status SyncAsConfigured(const Places& places) {
  ASSIGN_OR_RETURN(const std::string text, ReadConfiguration(places));
  return Sync(places, !DkmsSelection::InConfiguration(text).IsNone());
}

// enable and disable.
absl::Status Change(const Places& places, bool enable,
                    const std::vector<std::string>& packages) {
  ASSIGN_OR_RETURN(const std::string text, ReadConfiguration(places));
  DkmsSelection selection = packages.empty()
                                ? DkmsSelection(enable ? "all" : "none")
                                : DkmsSelection::InConfiguration(text);
  for (const std::string& package : packages) {
    if (enable) {
      selection.Include(package);
    } else {
      selection.Exclude(package);
    }
  }
  if (selection.ToString() != DkmsSelection::InConfiguration(text).ToString()) {
    RETURN_IF_ERROR(util::WriteFileAtomically(
        places.configuration(), selection.PutIntoConfiguration(text)));
  }
  printf("%s: dkms = %s\n", places.configuration().c_str(),
         selection.ToString().c_str());
  return Sync(places, !selection.IsNone());
}

// The BTF sections of a module, for people.
std::string DescribeModule(const std::string& path) {
  absl::StatusOr<util::FileBytes> bytes = elf::ReadMaybeCompressed(path);
  if (!bytes.ok()) return std::string(bytes.status().message());
  const auto module =
      elf::ModuleFile::FromBytes(util::UniqueFd(), *std::move(bytes), path);
  if (!module.ok()) return std::string(module.status().message());
  std::vector<absl::string_view> sections;
  if (module->btf().has_value()) sections.push_back(elf::kBtf);
  if (module->btf_base().has_value()) sections.push_back(elf::kBtfBase);
  if (module->btf_ids().has_value()) sections.push_back(elf::kBtfIds);
  return sections.empty() ? "no BTF" : absl::StrJoin(sections, " ");
}

void PrintDirectories(const Places& places) {
  puts("Build directories");
  for (const BuildDirectory& directory : places.directories.Find()) {
    const char* const why = WhyNotServed(directory.state);
    const char* word = directory.state == State::kServed ? "served" : "not";
    if (directory.state == State::kLeftOver) word = "gone";
    printf("  %-6s  %s%s%s%s%s%s\n", word, directory.path.c_str(),
           directory.release.empty() ? "" : " (Linux ",
           directory.release.c_str(), directory.release.empty() ? "" : ")",
           why == nullptr ? "" : ": ", why == nullptr ? "" : why);
  }
}

absl::Status PrintStatus(const Places& places) {
  ASSIGN_OR_RETURN(const std::string text, ReadConfiguration(places));
  const DkmsSelection selection = DkmsSelection::InConfiguration(text);
  printf("%s: dkms = %s\n", places.configuration().c_str(),
         selection.ToString().c_str());
  PrintDirectories(places);
  puts("Packages");
  for (const DkmsPackage& package : ReadDkmsTree(places.root() + kTree)) {
    printf("  %-6s  %s %s\n", selection.Includes(package.name) ? "on" : "off",
           package.name.c_str(), package.version.c_str());
    for (const DkmsModule& module : package.modules) {
      printf("          %s %s: %s\n", module.kernel.c_str(),
             module.path.substr(module.path.rfind('/') + 1).c_str(),
             DescribeModule(module.path).c_str());
    }
  }
  return absl::OkStatus();
}

// Prints what make has to be told if a selected package is built in one of the
// directories.
absl::Status PrintVariables(const Places& places,
                            const std::vector<std::string>& directories) {
  std::string package;
  for (const std::string& directory : directories) {
    package = DkmsPackageBuiltIn(directory);
    if (!package.empty()) break;
  }
  if (package.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::string text, ReadConfiguration(places));
  if (!DkmsSelection::InConfiguration(text).Includes(package)) {
    return absl::OkStatus();
  }
  std::vector<std::string> variables;
  for (const auto& [variable, program] :
       {std::pair("RESOLVE_BTFIDS", "resolve_btfids"),
        std::pair("PAHOLE", "pahole")}) {
    const std::string path =
        absl::StrCat(places.directories.library, "/dkms/", program);
    // A build must not fail because something of ours is missing.
    if (access(path.c_str(), X_OK) != 0) return absl::OkStatus();
    variables.push_back(absl::StrCat(variable, "=", path));
  }
  puts(absl::StrJoin(variables, " ").c_str());
  return absl::OkStatus();
}

}  // namespace

int RunDkms(const std::vector<std::string>& arguments) {
  bool off = false;
  Places places;
  CommandLine line(DkmsPage());
  line.Flag("off", &off);
  line.Value("root", &places.directories.root);
  line.Value("library", &places.directories.library);
  std::vector<std::string> rest;
  if (const std::optional<int> end = line.Parse(arguments, &rest)) return *end;
  if (places.directories.library.empty()) {
    places.directories.library = LibraryOfProcess();
  }
  if (rest.empty()) {
    return line.WrongCall("say enable, disable, status, sync or variables");
  }
  const std::string what = rest[0];
  rest.erase(rest.begin());
  if (off && what != "sync") return line.WrongCall("--off is for sync");

  absl::Status status;
  if (what == "enable" || what == "disable") {
    const auto wrong =
        std::find_if_not(rest.begin(), rest.end(), &IsDkmsPackageName);
    if (wrong != rest.end()) {
      return line.WrongCall(
          absl::StrCat("no name of a DKMS package: '", *wrong, "'"));
    }
    status = Change(places, what == "enable", rest);
  } else if (what == "variables") {
    status = PrintVariables(places, rest);
  } else if (!rest.empty()) {
    return line.WrongCall(absl::StrCat(what, " takes no argument"));
  } else if (what == "status") {
    status = PrintStatus(places);
  } else if (what == "sync") {
    status = off ? Sync(places, false) : SyncAsConfigured(places);
  } else {
    return line.WrongCall(absl::StrCat("it cannot ", what));
  }
  if (status.ok()) return 0;
  SayError(status.message());
  return kExitFailure;
}

}  // namespace btfd::client
