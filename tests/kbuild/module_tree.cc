// SPDX-License-Identifier: Apache-2.0
#include "tests/kbuild/module_tree.h"

#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/support/testdata.h"

namespace btfd::tests {

namespace fs = std::filesystem;

absl::StatusOr<std::string> FindBuildDirectory(const std::string& series) {
  const std::string path =
      absl::StrCat(TestdataRoot(), "/headers/", series, "/build");
  if (!fs::exists(path + "/vmlinux")) {
    return absl::NotFoundError(
        absl::StrCat(path, " is missing: run tools/testdata first"));
  }
  return path;
}

ModuleTree::ModuleTree(std::string build_directory, const std::string& sources)
    : build_directory_(std::move(build_directory)) {
  for (const auto& entry : fs::directory_iterator(sources)) {
    // Copies the content, because Bazel's runfiles are links.
    WriteFile(scratch_.file(entry.path().filename()),
              ReadFileOrEmpty(entry.path()));
  }
}

std::vector<std::string> ModuleTree::MakeCommand(
    const std::vector<std::string>& variables) const {
  std::vector<std::string> command = {
      "make", "-j8", "-C", build_directory_, absl::StrCat("M=", path()),
      // Makefile.btf leaves out pahole's -j if this is set.
      "KBUILD_BUILD_TIMESTAMP=2026-01-01", "modules"};
  command.insert(command.end(), variables.begin(), variables.end());
  return command;
}

ProcessResult ModuleTree::Make(
    const std::vector<std::string>& variables,
    const std::vector<std::string>& environment) const {
  Clean();
  std::vector<std::string> command = {"timeout", "120"};
  for (std::string& word : MakeCommand(variables)) {
    command.push_back(std::move(word));
  }
  return RunProcess(command, {environment, path(), ""});
}

void ModuleTree::Clean() const {
  static_cast<void>(RunProcess({"make", "-s", "-C", build_directory_,
                                absl::StrCat("M=", path()), "clean"}));
}

std::map<std::string, std::string> ModuleTree::Modules() const {
  std::map<std::string, std::string> modules;
  for (const auto& entry : fs::directory_iterator(path())) {
    if (entry.path().extension() != ".ko") continue;
    modules[entry.path().filename()] = ReadFileOrEmpty(entry.path());
  }
  return modules;
}

}  // namespace btfd::tests
