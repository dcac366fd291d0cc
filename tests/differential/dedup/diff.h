// SPDX-License-Identifier: Apache-2.0
//
// Deduplicates one generated case by the engine and by libbpf, and compares.
#ifndef BTFD_TESTS_DIFFERENTIAL_DEDUP_DIFF_H_
#define BTFD_TESTS_DIFFERENTIAL_DEDUP_DIFF_H_

#include <cstdint>
#include <string>

#include "lib/util/arena.h"
#include "tests/differential/generator/generator.h"

namespace btfd::tests {

struct DedupDiff {
  // What differs; empty if nothing differs.
  std::string difference;
  // libbpf refused to load or to deduplicate the case, and so did the engine.
  bool refused = false;
  // libbpf did not end, because of a cycle of references only. The engine did
  // end, and nothing is compared.
  bool endless = false;
};

// Runs the engine as a request does, and once more with learning from the first
// failed comparison on. The base's index comes from a stored blob. `arena` is
// reset.
DedupDiff CompareDedup(const GeneratedCase& input, util::Arena* arena);

struct FuzzRun {
  uint64_t cases = 0;
  uint64_t refused = 0;
  uint64_t endless = 0;
  uint64_t differences = 0;
};

// Runs the cases first_seed .. first_seed + count - 1 of a style, and prints
// each seed whose results differ. If either side crashes on a case, or the
// engine does not end, the process prints the seed and ends.
FuzzRun FuzzDedup(Style style, uint64_t first_seed, uint64_t count);

}  // namespace btfd::tests

#endif  // BTFD_TESTS_DIFFERENTIAL_DEDUP_DIFF_H_
