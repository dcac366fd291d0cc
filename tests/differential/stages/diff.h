// SPDX-License-Identifier: Apache-2.0
//
// Runs single stages on generated cases by the engine and by libbpf, and
// compares bytes and errors. Each function returns what differs; empty if
// nothing differs. *refused says whether both refused the case.
#ifndef BTFD_TESTS_DIFFERENTIAL_STAGES_DIFF_H_
#define BTFD_TESTS_DIFFERENTIAL_STAGES_DIFF_H_

#include <string>

#include "lib/util/arena.h"
#include "tests/differential/generator/generator.h"
#include "tests/differential/stages/relocation_case.h"

namespace btfd::tests {

std::string CompareSort(const GeneratedCase& input, util::Arena* arena,
                        bool* refused);
// Compares both layouts: in the order of the input, and sorted.
std::string CompareDistill(const GeneratedCase& input, util::Arena* arena,
                           bool* refused);
// Distills, and relocates the result onto the same base or onto another one.
std::string CompareDistillAndRelocate(const GeneratedCase& input,
                                      const std::string& other_base,
                                      util::Arena* arena, bool* refused);
std::string CompareRelocate(const RelocationCase& input, util::Arena* arena,
                            bool* refused);
// Takes the split of a case without a base, and puts it over the base of
// another case.
std::string CompareRebase(const std::string& standalone,
                          const std::string& base, util::Arena* arena,
                          bool* refused);

}  // namespace btfd::tests

#endif  // BTFD_TESTS_DIFFERENTIAL_STAGES_DIFF_H_
