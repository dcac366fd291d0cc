// SPDX-License-Identifier: Apache-2.0
//
// The out-of-tree module of tests/kbuild/module, built by a kernel's real
// kbuild in a scratch directory. Always in the same place, so that two builds
// can be compared byte for byte: DWARF holds paths.
#ifndef BTFD_TESTS_KBUILD_MODULE_TREE_H_
#define BTFD_TESTS_KBUILD_MODULE_TREE_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "tests/support/process.h"

namespace btfd::tests {

// The build directory (make -C) of the headers of a series that
// tools/testdata prepared. NotFound with what to run.
absl::StatusOr<std::string> FindBuildDirectory(const std::string& series);

class ModuleTree {
 public:
  // `sources` is the directory to copy, as a Bazel test finds it in `data`.
  ModuleTree(std::string build_directory, const std::string& sources);

  // The words of a make that builds the modules anew, eight jobs at once. It
  // is reproducible: pahole, too, is told not to run in parallel with itself.
  std::vector<std::string> MakeCommand(
      const std::vector<std::string>& variables = {}) const;

  // Removes what an earlier build made, and builds. Ends with exit code 124
  // after two minutes.
  ProcessResult Make(const std::vector<std::string>& variables,
                     const std::vector<std::string>& environment = {}) const;
  void Clean() const;

  // The finished modules: name -> content.
  std::map<std::string, std::string> Modules() const;
  const std::string& path() const { return scratch_.path(); }
  const std::string& build_directory() const { return build_directory_; }

 private:
  const std::string build_directory_;
  const ScratchDir scratch_;
};

}  // namespace btfd::tests

#endif  // BTFD_TESTS_KBUILD_MODULE_TREE_H_
