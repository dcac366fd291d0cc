// SPDX-License-Identifier: Apache-2.0
//
// The compilers and linkers that make an object with DWARF of some C files.
#ifndef BTFD_TESTS_PAHOLE_BUILDS_H_
#define BTFD_TESTS_PAHOLE_BUILDS_H_

#include <string>
#include <vector>

#include "tests/pahole/oracle.h"

namespace btfd::tests {

struct Build {
  enum class Link { kRelocatable, kShared, kExecutable, kLto, kLtoShared };

  std::string name;
  std::string compiler;            // command: "gcc", "aarch64-linux-gnu-gcc"
  std::vector<std::string> flags;  // for compiling, without -c and -o
  Link link = Link::kRelocatable;
  std::vector<std::string> link_flags;
  std::string linker = "ld";
  std::vector<std::string> groups;  // names that a case may exclude or ask for
  bool usual = true;  // for every case, else for those `everywhere`
  Runs runs = Runs::kUsual;
};

// gcc and clang with -O0, -O2 and -Os, DWARF 4 and 5; also compressed sections,
// shared objects, executables, LTO, aarch64 and s390x.
const std::vector<Build>& AllBuilds();

// Compiles and links `sources` into `object`, with scratch files in
// `directory`. An error has the compiler's messages as its text; on success it
// returns an empty string. `more_flags` are added to each compilation. A source
// whose first lines say `language: 0xNN` gets that DW_AT_language (gcc only).
std::string MakeObject(const Build& build,
                       const std::vector<std::string>& sources,
                       const std::vector<std::string>& more_flags,
                       const std::string& directory, const std::string& object);

}  // namespace btfd::tests

#endif  // BTFD_TESTS_PAHOLE_BUILDS_H_
