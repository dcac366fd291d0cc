// SPDX-License-Identifier: Apache-2.0
//
// Random small programs in C. Their units have types in common, which may be
// only declared or may differ from unit to unit; static functions of one name;
// packed structs passed on the stack; per-CPU variables. Equal seeds give equal
// programs.
#ifndef BTFD_TESTS_PAHOLE_RANDOM_C_H_
#define BTFD_TESTS_PAHOLE_RANDOM_C_H_

#include <cstdint>
#include <string>
#include <vector>

namespace btfd::tests {

// Returns one to four sources. They compile with gcc and clang (-std=gnu11 -w)
// for 64-bit targets, and link with undefined symbols.
std::vector<std::string> RandomProgram(uint64_t seed);

}  // namespace btfd::tests

#endif  // BTFD_TESTS_PAHOLE_RANDOM_C_H_
