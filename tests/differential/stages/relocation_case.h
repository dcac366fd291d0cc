// SPDX-License-Identifier: Apache-2.0
//
// Draws the input of relocation: a distilled base, a split over it, and the
// base onto which it is relocated. All kinds share a few names and sizes, so
// that the cases meet nearly every rule of matching: kinds that match and that
// do not, duplicates of a name by offset and by text, sizes that matter or not,
// embedded structs. Some cases also have types and strings that a distilled
// base must not have.
#ifndef BTFD_TESTS_DIFFERENTIAL_STAGES_RELOCATION_CASE_H_
#define BTFD_TESTS_DIFFERENTIAL_STAGES_RELOCATION_CASE_H_

#include <cstdint>
#include <string>

namespace btfd::tests {

struct RelocationCase {
  std::string distilled;
  std::string split;
  std::string base;
};

RelocationCase DrawRelocation(uint64_t seed);

}  // namespace btfd::tests

#endif  // BTFD_TESTS_DIFFERENTIAL_STAGES_RELOCATION_CASE_H_
