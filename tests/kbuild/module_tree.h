// SPDX-License-Identifier: Apache-2.0
//
// Builds the out-of-tree module of tests/kbuild/module with a kernel's real
// kbuild in a scratch directory. The directory is always the same, so that two
// builds can be compared byte for byte; DWARF contains paths.
#ifndef BTFD_TESTS_KBUILD_MODULE_TREE_H_
#define BTFD_TESTS_KBUILD_MODULE_TREE_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "tests/support/process.h"

namespace btfd::tests {

// The build directory (make -C) of a series' headers, which tools/testdata
// prepared. NotFound says what to run.
absl::StatusOr<std::string> FindBuildDirectory(const std::string& series);

class ModuleTree {
 public:
  // `sources` is the directory to copy, as a Bazel test finds it in its `data`.
  ModuleTree(std::string build_directory, const std::string& sources);

  // The command line of a make that builds the modules, with eight jobs at
  // once. It is reproducible: pahole is told not to run in parallel.
  std::vector<std::string> MakeCommand(
      const std::vector<std::string>& variables = {}) const;

  // Removes the files of an earlier build, then builds. Exit code 124 after two
  // minutes.
  ProcessResult Make(const std::vector<std::string>& variables,
                     const std::vector<std::string>& environment = {}) const;
  void Clean() const;

  // The content of the finished modules, by name.
  std::map<std::string, std::string> Modules() const;
  const std::string& path() const { return scratch_.path(); }
  const std::string& build_directory() const { return build_directory_; }

 private:
  const std::string build_directory_;
  const ScratchDir scratch_;
};

}  // namespace btfd::tests

#endif  // BTFD_TESTS_KBUILD_MODULE_TREE_H_
