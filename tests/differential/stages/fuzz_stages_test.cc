// SPDX-License-Identifier: Apache-2.0
//
// Compares sort, distill, relocate and rebase with libbpf 7.2 on random cases.
// BTFD_RANDOM_CASES is the number of cases of each kind (default 1500),
// BTFD_RANDOM_SEED the first seed. A failure names its seed.
#include <gtest/gtest.h>

#include <cstdlib>
#include <functional>
#include <string>

#include "tests/differential/stages/diff.h"

namespace btfd::tests {
namespace {

uint64_t FromEnvironment(const char* name, uint64_t otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr ? otherwise : std::strtoull(value, nullptr, 10);
}

using Comparison = std::function<std::string(uint64_t seed, util::Arena* arena,
                                             bool* refused)>;

// Returns the share of cases that both refuse, in percent.
uint64_t RunCases(const Comparison& compare) {
  const uint64_t first = FromEnvironment("BTFD_RANDOM_SEED", 1);
  const uint64_t count = FromEnvironment("BTFD_RANDOM_CASES", 1500);
  util::Arena arena;
  uint64_t refused_cases = 0;
  int failures = 0;
  for (uint64_t seed = first; seed < first + count && failures < 5; ++seed) {
    bool refused = false;
    const std::string difference = compare(seed, &arena, &refused);
    EXPECT_EQ(difference, "") << "seed " << seed;
    failures += difference.empty() ? 0 : 1;
    refused_cases += refused;
  }
  const uint64_t percent = refused_cases * 100 / count;
  ::testing::Test::RecordProperty("refused_percent", static_cast<int>(percent));
  return percent;
}

class Stages : public ::testing::TestWithParam<Style> {};

TEST_P(Stages, SortAsLibbpf) {
  EXPECT_LT(RunCases([&](uint64_t seed, util::Arena* arena, bool* refused) {
              return CompareSort(Generate(GetParam(), seed), arena, refused);
            }),
            5);
}

TEST_P(Stages, DistillAsLibbpf) {
  EXPECT_LT(RunCases([&](uint64_t seed, util::Arena* arena, bool* refused) {
              return CompareDistill(Generate(GetParam(), seed), arena, refused);
            }),
            30);
}

TEST_P(Stages, RelocateBackAsLibbpf) {
  EXPECT_LT(RunCases([&](uint64_t seed, util::Arena* arena, bool* refused) {
              const GeneratedCase input = Generate(GetParam(), seed);
              return CompareDistillAndRelocate(input, input.base, arena,
                                               refused);
            }),
            80);
}

TEST_P(Stages, RelocateElsewhereAsLibbpf) {
  EXPECT_LT(RunCases([&](uint64_t seed, util::Arena* arena, bool* refused) {
              const GeneratedCase other = Generate(GetParam(), seed + 1);
              return CompareDistillAndRelocate(
                  Generate(GetParam(), seed),
                  other.has_base ? other.base : other.split, arena, refused);
            }),
            90);
}

TEST_P(Stages, RebaseAsLibbpf) {
  EXPECT_LT(RunCases([&](uint64_t seed, util::Arena* arena, bool* refused) {
              const GeneratedCase input = Generate(GetParam(), seed);
              const GeneratedCase other = Generate(GetParam(), seed + 1);
              return CompareRebase(input.has_base ? input.base : input.split,
                                   other.has_base ? other.base : other.split,
                                   arena, refused);
            }),
            30);
}

INSTANTIATE_TEST_SUITE_P(Styles, Stages,
                         ::testing::Values(Style::kRandomGraph,
                                           Style::kCompilationUnits));

TEST(Relocation, MatchesAsLibbpf) {
  EXPECT_LT(RunCases([&](uint64_t seed, util::Arena* arena, bool* refused) {
              // These cases are small, so some are drawn for each seed.
              bool all_refused = true;
              for (uint64_t i = 0; i < 8; ++i) {
                bool one_refused = false;
                const std::string difference = CompareRelocate(
                    DrawRelocation(seed * 8 + i), arena, &one_refused);
                if (!difference.empty()) return difference;
                all_refused &= one_refused;
              }
              *refused = all_refused;
              return std::string();
            }),
            5);
}

}  // namespace
}  // namespace btfd::tests
