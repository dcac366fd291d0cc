// SPDX-License-Identifier: Apache-2.0
//
// Programs that ask for types of a given BTF, picked at random: what real
// programs ask for is a small part of what a kernel has.
#ifndef BTFD_TESTS_CORE_RANDOM_PROGRAM_H_
#define BTFD_TESTS_CORE_RANDOM_PROGRAM_H_

#include <cstdint>
#include <string>

#include "lib/btf/btf.h"

namespace btfd::tests {

struct RandomProgram {
  std::string btf;
  std::string btf_ext;
  // Both in an ELF file, as bpftool wants them.
  std::string Object() const;
};

struct RandomProgramOptions {
  uint32_t types = 20;  // asked for, at most
  // Ask whether types match, too. bpftool ends its run at tagged pointers then.
  bool matches = true;
};

// Asks for own types of `source`: of structs and unions for members of each
// kind, by each kind of question; of enums for enumerators; of all named ones
// for size and existence. Some of the members do not exist, or are of another
// type, and some names have flavours. Types that have a namesake are not asked
// for, since libbpf may refuse them for their differences.
RandomProgram MakeRandomProgram(const btf::Btf& source, uint32_t seed,
                                const RandomProgramOptions& options = {});

}  // namespace btfd::tests

#endif  // BTFD_TESTS_CORE_RANDOM_PROGRAM_H_
