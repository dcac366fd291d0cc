// SPDX-License-Identifier: Apache-2.0
//
// Draws what relocation gets: a distilled base, a split over it, and the base
// to move to. A few names and sizes for all kinds, so that nearly every rule of
// matching is met: kinds that go together and that do not, duplicates of a name
// by offset and by text, sizes that matter or not, embedded structs; and, once
// in a while, types and strings that a distilled base must not have.
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
