// SPDX-License-Identifier: Apache-2.0
//
// fuzz_rules CASES [FIRST_SEED [VERSION]]: compares that many cases of each
// style with each release of libbpf by that release's rules, or with one
// release, such as "1.5". Exits with 1 if any differs. Start it with `bazel
// run`, so that it finds its programs.
#include <stdio.h>
#include <stdlib.h>

#include <string>

#include "tests/differential/dedup/rules_diff.h"

int main(int argc, char** argv) {
  using btfd::tests::FuzzRun;
  using btfd::tests::RulesDiff;
  using btfd::tests::Style;
  if (argc < 2 || argc > 4) {
    fprintf(stderr, "usage: fuzz_rules CASES [FIRST_SEED [VERSION]]\n");
    return 2;
  }
  const uint64_t cases = strtoull(argv[1], nullptr, 10);
  const uint64_t first_seed = argc > 2 ? strtoull(argv[2], nullptr, 10) : 1;
  const std::string only = argc > 3 ? argv[3] : "";
  uint64_t differences = 0;
  for (const auto rules : btfd::tests::kAllRules) {
    const char* const name = btfd::tests::RulesName(rules);
    if (!only.empty() && only != name) continue;
    auto diff = RulesDiff::Start(rules);
    if (!diff.ok()) {
      fprintf(stderr, "%s\n", std::string(diff.status().message()).c_str());
      return 2;
    }
    for (const Style style : btfd::tests::kAllStyles) {
      const FuzzRun run = (*diff)->Fuzz(style, first_seed, cases);
      printf(
          "libbpf %s, %s: %llu cases, %llu refused, %llu without end or "
          "crashed, %llu differ\n",
          name, StyleName(style), static_cast<unsigned long long>(run.cases),
          static_cast<unsigned long long>(run.refused),
          static_cast<unsigned long long>(run.endless),
          static_cast<unsigned long long>(run.differences));
      fflush(stdout);
      differences += run.differences;
    }
  }
  return differences == 0 ? 0 : 1;
}
