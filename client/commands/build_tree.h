// SPDX-License-Identifier: Apache-2.0
//
// Examines a kernel's build directory (make -C ...): what in it or around it
// prevents modules from having BTF. `btfc doctor` prints what is found here.
#ifndef BTFD_CLIENT_COMMANDS_BUILD_TREE_H_
#define BTFD_CLIENT_COMMANDS_BUILD_TREE_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace btfd::client {

struct Finding {
  enum class Grade {
    kGood,
    kNote,  // works, but people should know it
    kBad,   // modules will have no BTF, or a wrong one
  };
  Grade grade = Grade::kGood;
  std::string what;
  std::string advice;  // what people can do about it; may be empty
};

// What matters of the machine. Tests make one of their own.
struct Machine {
  std::string root;             // "" or a directory that stands for /
  std::string running_release;  // uname -r
  std::vector<std::string> pahole = {"pahole"};  // ${PAHOLE}

  static Machine ThisOne();
};

// Examines a build directory. Is it one? Does its kernel make BTF for modules?
// Has it a vmlinux with BTF, and of the same kernel? If there is a pahole, does
// it know the options that this tree needs? The findings come in the order in
// which kbuild would fail on them.
std::vector<Finding> ExamineBuildTree(const Machine& machine,
                                      const std::string& directory);

// The version in the output of `pahole --version` ("v1.24") as
// CONFIG_PAHOLE_VERSION has it (124); 0 for any other text.
int ParsePaholeVersion(absl::string_view text);

}  // namespace btfd::client

#endif  // BTFD_CLIENT_COMMANDS_BUILD_TREE_H_
