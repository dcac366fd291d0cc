// SPDX-License-Identifier: Apache-2.0
//
// fuzz_dedup CASES [FIRST_SEED]: compares that many cases of each style with
// libbpf. Exits with 1 if any differs.
#include <stdio.h>
#include <stdlib.h>

#include "tests/differential/dedup/diff.h"

int main(int argc, char** argv) {
  using btfd::tests::FuzzDedup;
  using btfd::tests::FuzzRun;
  using btfd::tests::Style;
  if (argc < 2 || argc > 3) {
    fprintf(stderr, "usage: fuzz_dedup CASES [FIRST_SEED]\n");
    return 2;
  }
  const uint64_t cases = strtoull(argv[1], nullptr, 10);
  const uint64_t first_seed = argc > 2 ? strtoull(argv[2], nullptr, 10) : 1;
  uint64_t differences = 0;
  for (const Style style : btfd::tests::kAllStyles) {
    const FuzzRun run = FuzzDedup(style, first_seed, cases);
    printf(
        "%s, seeds %llu to %llu: %llu cases, %llu refused, "
        "%llu without end, %llu differ\n",
        StyleName(style), static_cast<unsigned long long>(first_seed),
        static_cast<unsigned long long>(first_seed + cases - 1),
        static_cast<unsigned long long>(run.cases),
        static_cast<unsigned long long>(run.refused),
        static_cast<unsigned long long>(run.endless),
        static_cast<unsigned long long>(run.differences));
    fflush(stdout);
    differences += run.differences;
  }
  return differences == 0 ? 0 : 1;
}
