// SPDX-License-Identifier: Apache-2.0
//
// Single stages on generated cases, by the engine and by libbpf: bytes and
// verdicts. Each function says what differs; empty if nothing does. *refused
// says whether both refused.
#ifndef BTFD_TESTS_DIFFERENTIAL_STAGES_DIFF_H_
#define BTFD_TESTS_DIFFERENTIAL_STAGES_DIFF_H_

#include <string>

#include "lib/util/arena.h"
#include "tests/differential/generator/generator.h"
#include "tests/differential/stages/relocation_case.h"

namespace btfd::tests {

std::string CompareSort(const GeneratedCase& input, util::Arena* arena,
                        bool* refused);
// Both layouts: as it comes, and sorted.
std::string CompareDistill(const GeneratedCase& input, util::Arena* arena,
                           bool* refused);
// Distills, and relocates the result back onto the same base, or another one.
std::string CompareDistillAndRelocate(const GeneratedCase& input,
                                      const std::string& other_base,
                                      util::Arena* arena, bool* refused);
std::string CompareRelocate(const RelocationCase& input, util::Arena* arena,
                            bool* refused);
// The split of a case without a base, put over the base of another one.
std::string CompareRebase(const std::string& standalone,
                          const std::string& base, util::Arena* arena,
                          bool* refused);

}  // namespace btfd::tests

#endif  // BTFD_TESTS_DIFFERENTIAL_STAGES_DIFF_H_
