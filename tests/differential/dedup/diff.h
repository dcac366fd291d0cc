// SPDX-License-Identifier: Apache-2.0
//
// Dedup of one generated case, by the engine and by libbpf.
#ifndef BTFD_TESTS_DIFFERENTIAL_DEDUP_DIFF_H_
#define BTFD_TESTS_DIFFERENTIAL_DEDUP_DIFF_H_

#include <cstdint>
#include <string>

#include "lib/util/arena.h"
#include "tests/differential/generator/generator.h"

namespace btfd::tests {

struct DedupDiff {
  // What differs; empty if nothing does.
  std::string difference;
  // libbpf refused to load or to deduplicate, and so did the engine.
  bool refused = false;
  // libbpf came to no end: a cycle of mere references. The engine did, and
  // nothing is compared.
  bool endless = false;
};

// Runs the engine as a request would be run, and with learning from the first
// failure on; the base's index is taken from a stored blob. `arena` is reset.
DedupDiff CompareDedup(const GeneratedCase& input, util::Arena* arena);

struct FuzzRun {
  uint64_t cases = 0;
  uint64_t refused = 0;
  uint64_t endless = 0;
  uint64_t differences = 0;
};

// Cases first_seed .. first_seed + count - 1 of a style. Prints each seed whose
// results differ. A case on which either crashes, or the engine comes to no
// end, ends the process with its seed printed.
FuzzRun FuzzDedup(Style style, uint64_t first_seed, uint64_t count);

}  // namespace btfd::tests

#endif  // BTFD_TESTS_DIFFERENTIAL_DEDUP_DIFF_H_
