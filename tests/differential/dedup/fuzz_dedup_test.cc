// SPDX-License-Identifier: Apache-2.0
//
// Thirty thousand generated cases, the same ones in each run. The program
// fuzz_dedup runs any number of them.
#include <gtest/gtest.h>

#include "tests/differential/dedup/diff.h"

namespace btfd::tests {
namespace {

constexpr uint64_t kFirstSeed = 20260701;
constexpr uint64_t kCases = 10000;

// Expects that all cases were run, and nearly all of them compared.
// `max_refused` and `max_endless` are in percent of the cases.
void ExpectCompared(const FuzzRun& run, uint64_t max_refused,
                    uint64_t max_endless) {
  EXPECT_EQ(run.differences, 0u);
  EXPECT_EQ(run.cases, kCases);
  EXPECT_LT(run.refused, kCases * max_refused / 100)
      << "the generator makes too much that libbpf refuses";
  EXPECT_LT(run.endless, kCases * max_endless / 100)
      << "the generator makes too much that libbpf comes to no end with";
}

TEST(FuzzDedup, RandomGraphsComeOutAsLibbpfLeavesThem) {
  ExpectCompared(FuzzDedup(Style::kRandomGraph, kFirstSeed, kCases), 25, 1);
}

TEST(FuzzDedup, CompilationUnitsComeOutAsLibbpfLeavesThem) {
  ExpectCompared(FuzzDedup(Style::kCompilationUnits, kFirstSeed, kCases), 25,
                 1);
}

TEST(FuzzDedup, EntangledCopiesComeOutAsLibbpfLeavesThem) {
  ExpectCompared(FuzzDedup(Style::kCopies, kFirstSeed, kCases), 25, 1);
}

}  // namespace
}  // namespace btfd::tests
