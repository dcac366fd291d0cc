// SPDX-License-Identifier: Apache-2.0
#include "client/encode/real_pahole.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "client/cli/program.h"
#include "client/cli/settings.h"
#include "lib/util/own_program.h"
#include "lib/util/status_macros.h"

namespace btfd::client {

namespace {

// If it is set, this program was called by PaholesThatLeadBack().
constexpr char kPaholeProbe[] = "BTFD_PAHOLE_PROBE";
constexpr char kProbeAnswer[] = "btfd stands in for pahole\n";
// Separates the paths in BTFD_PAHOLE_TRIED.
constexpr char kSeparator = '\n';

bool IsProgram(const std::string& path) {
  struct stat info;
  return stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) &&
         access(path.c_str(), X_OK) == 0;
}

std::string Variable(const char* name) {
  const char* const value = getenv(name);
  return value == nullptr ? "" : value;
}

// All programs of that name in PATH.
std::vector<std::string> InPath(absl::string_view search_path,
                                absl::string_view name) {
  std::vector<std::string> found;
  for (const absl::string_view directory :
       absl::StrSplit(search_path, ':', absl::SkipEmpty())) {
    std::string path = absl::StrCat(directory, "/", name);
    if (IsProgram(path)) found.push_back(std::move(path));
  }
  return found;
}

// The programs that BTFD_PAHOLE means.
std::vector<std::string> Named(const PaholeSearch& search) {
  if (!absl::StrContains(search.named, '/')) {
    return InPath(search.search_path, search.named);
  }
  if (!IsProgram(search.named)) return {};
  return {search.named};
}

}  // namespace

absl::StatusOr<std::string> FindRealPaholeIn(const PaholeSearch& search) {
  std::vector<std::string> candidates;
  if (!search.named.empty()) {
    candidates = Named(search);
    // No other pahole may be used, since this one was asked for.
    if (candidates.empty()) {
      return absl::NotFoundError(
          absl::StrCat("pahole: BTFD_PAHOLE=", search.named, " is no program"));
    }
  }
  for (std::string& path : InPath(search.search_path, "pahole")) {
    candidates.push_back(std::move(path));
  }
  const std::vector<std::string> tried =
      absl::StrSplit(search.tried, kSeparator, absl::SkipEmpty());
  std::vector<std::string> ours;
  for (const std::string& candidate : candidates) {
    if (std::find(tried.begin(), tried.end(), candidate) == tried.end() &&
        !util::IsOwnProgram(candidate)) {
      return candidate;
    }
    ours.push_back(candidate);
  }
  return absl::NotFoundError(absl::StrCat(
      "pahole: not found in PATH",
      ours.empty() ? ""
                   : absl::StrCat(", but for what leads back to btfd (",
                                  absl::StrJoin(ours, ", "), ")"),
      "; install it (package pahole or dwarves), or name it with BTFD_PAHOLE"));
}

namespace {

PaholeSearch SearchOfProcess() {
  PaholeSearch search;
  search.named = Settings::OfProcess().Text("pahole");
  search.search_path = Variable("PATH");
  search.tried = Variable(kPaholeTried);
  return search;
}

}  // namespace

std::vector<std::string> PaholesThatLeadBack() {
  const PaholeSearch search = SearchOfProcess();
  std::vector<std::string> back;
  std::vector<std::string> others = InPath(search.search_path, "pahole");
  if (!search.named.empty()) {
    const std::vector<std::string> named = Named(search);
    // Without a slash it is one of PATH.
    if (!named.empty() && util::IsOwnProgram(named[0])) {
      back.push_back(named[0]);
    } else if (absl::StrContains(search.named, '/')) {
      others.insert(others.begin(), named.begin(), named.end());
    }
  }
  setenv(kPaholeProbe, "1", /*overwrite=*/1);
  for (const std::string& path : others) {
    if (util::IsOwnProgram(path)) continue;
    std::string output;
    const absl::StatusOr<int> ended = RunProgram({path, "--version"}, &output);
    if (ended.ok() && output == kProbeAnswer) back.push_back(path);
  }
  unsetenv(kPaholeProbe);
  return back;
}

bool AnswersPaholeProbe() {
  if (getenv(kPaholeProbe) == nullptr) return false;
  fputs(kProbeAnswer, stdout);
  return true;
}

std::vector<std::string> RealPaholeOf(const std::string& pahole_variable) {
  PaholeSearch search = SearchOfProcess();
  std::vector<std::string> command = SplitWords(pahole_variable);
  const bool named = !command.empty() && command[0] != "pahole";
  // A path to this program means pahole, as the name alone does.
  const bool is_ours = named && util::IsOwnProgram(command[0]);
  if (!search.named.empty() || !named || is_ours) {
    const absl::StatusOr<std::string> found = FindRealPaholeIn(search);
    if (!found.ok()) return {};
    if (!search.named.empty() || command.empty() || is_ours) return {*found};
    command[0] = *found;
    return command;
  }
  search.named = command[0];
  const std::vector<std::string> candidates = Named(search);
  if (candidates.empty() || util::IsOwnProgram(candidates[0])) return {};
  command[0] = candidates[0];
  return command;
}

absl::StatusOr<std::string> ChooseRealPahole() {
  const PaholeSearch search = SearchOfProcess();
  ASSIGN_OR_RETURN(std::string pahole, FindRealPaholeIn(search));
  const std::string tried =
      absl::StrCat(search.tried, std::string(1, kSeparator), pahole);
  setenv(kPaholeTried, tried.c_str(), /*overwrite=*/1);
  return pahole;
}

}  // namespace btfd::client
