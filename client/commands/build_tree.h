// SPDX-License-Identifier: Apache-2.0
//
// Examines a kernel's build directory (make -C ...): what in it or around it
// prevents modules from having BTF. `btfc doctor` prints what is found here.
#ifndef BTFD_CLIENT_COMMANDS_BUILD_TREE_H_
#define BTFD_CLIENT_COMMANDS_BUILD_TREE_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace btfd::client {

// What `btfc doctor --fix` does about a finding. The last ones it does; the
// others are for people, each for another reason.
enum class Fix {
  kNone,      // nothing is to be done
  kInstall,   // something must be installed or configured
  kReplace,   // a file must be replaced or removed
  kSettings,  // a setting must be changed
  kModule,    // a module must be changed or built again
  kBuild,     // builds must be called in another way
  kExtractBase,
  kRestartDaemon,
  kStartDaemon,
};

struct Finding {
  enum class Grade {
    kGood,
    kNote,  // works, but people should know it
    kBad,   // modules will have no BTF, or a wrong one
  };

  Finding(Grade its_grade, std::string found, std::string to_do = "",
          Fix by = Fix::kNone, std::string file = "")
      : grade(its_grade),
        what(std::move(found)),
        advice(std::move(to_do)),
        fix(by),
        target(std::move(file)) {}

  Grade grade;
  std::string what;
  std::string advice;  // what people can do about it; may be empty
  Fix fix;
  std::string target;  // with kExtractBase, the file to extract it to
};

// What matters of the machine. Tests make one of their own.
struct Machine {
  std::string root;             // "" or a directory that stands for /
  std::string running_release;  // uname -r
  std::string running_build;    // uname -v
  std::vector<std::string> pahole = {"pahole"};  // ${PAHOLE}

  static Machine ThisOne();
};

// Examines a build directory. Is it one? Does its kernel make BTF for modules?
// Has it a vmlinux with BTF, and of the same kernel? If there is a pahole, does
// it know the options that this tree needs? The findings come in the order in
// which kbuild would fail on them.
std::vector<Finding> ExamineBuildTree(const Machine& machine,
                                      const std::string& directory);

// A file that holds the BTF of the kernel whose headers `directory` has, and
// certainly of that build of it: its release and the text of its build
// (UTS_VERSION) are those of the headers, and Module.symvers does not
// contradict. FailedPrecondition says for each candidate what is missing.
absl::StatusOr<std::string> FindCertainBase(const Machine& machine,
                                            const std::string& directory);

// The version in the output of `pahole --version` ("v1.24") as
// CONFIG_PAHOLE_VERSION has it (124); 0 for any other text.
int ParsePaholeVersion(absl::string_view text);

}  // namespace btfd::client

#endif  // BTFD_CLIENT_COMMANDS_BUILD_TREE_H_
