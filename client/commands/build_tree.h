// SPDX-License-Identifier: Apache-2.0
//
// A kernel's build directory (make -C ...), and what in it or around it stands
// in the way of modules with BTF. All that `btfc doctor` finds out, without
// what it prints.
#ifndef BTFD_CLIENT_COMMANDS_BUILD_TREE_H_
#define BTFD_CLIENT_COMMANDS_BUILD_TREE_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace btfd::client {

struct Finding {
  enum class Grade {
    kGood,
    kNote,  // works, but should be known
    kBad,   // modules will have no BTF, or a wrong one
  };
  Grade grade = Grade::kGood;
  std::string what;
  std::string advice;  // what to do about it; may be empty
};

// The machine, as far as it matters; tests set up one of their own.
struct Machine {
  std::string root;             // "" or a directory that stands for /
  std::string running_release;  // uname -r
  std::vector<std::string> pahole = {"pahole"};  // ${PAHOLE}

  static Machine ThisOne();
};

// Looks at a build directory: is it one, does its kernel make BTF for modules,
// is there a vmlinux with BTF, of the same kernel; and where there is a pahole,
// does it understand what this tree will ask of it. The findings come in the
// order in which kbuild would fail on them.
std::vector<Finding> ExamineBuildTree(const Machine& machine,
                                      const std::string& directory);

// "1.24" of what `pahole --version` prints ("v1.24"), as 124, which is how
// CONFIG_PAHOLE_VERSION counts; 0 for anything else.
int ParsePaholeVersion(absl::string_view text);

}  // namespace btfd::client

#endif  // BTFD_CLIENT_COMMANDS_BUILD_TREE_H_
