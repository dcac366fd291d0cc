// SPDX-License-Identifier: Apache-2.0
//
// Small files in C and assembler, one rule of pahole in each, as every compiler
// and linker makes them, and what the real paholes encode of each. One build
// step (make_cases.cc) makes all that and writes it into one file.
#ifndef BTFD_TESTS_PAHOLE_CASES_H_
#define BTFD_TESTS_PAHOLE_CASES_H_

#include <map>
#include <string>
#include <vector>

#include "tests/pahole/oracle.h"

namespace btfd::tests {

// One object of a case.
struct Built {
  std::string build;  // "gcc-O2-dwarf5", "aarch64-gcc", "gcc-lto"
  std::string object;
  Runs runs = Runs::kUsual;
  std::vector<EncodeResult> results;  // one for each of RunsOf(runs)
};

// BTF by version of pahole: the bases of the runs that have one.
using Bases = std::map<std::string, std::string>;

struct Case {
  std::string name;
  std::vector<Built> built;
};

// Cases that share their bases.
struct CaseGroup {
  Bases bases;
  std::vector<Case> cases;
};

// The content of that file. FromBytes() aborts on bytes that ToBytes() did not
// make.
std::string CasesToBytes(const std::vector<CaseGroup>& groups);
std::vector<CaseGroup> CasesFromBytes(const std::string& bytes);

}  // namespace btfd::tests

#endif  // BTFD_TESTS_PAHOLE_CASES_H_
