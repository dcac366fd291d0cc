// SPDX-License-Identifier: Apache-2.0
//
// Thirty thousand generated cases, always the same ones. The program fuzz_dedup
// runs as many as one likes.
#include <gtest/gtest.h>

#include "tests/differential/dedup/diff.h"

namespace btfd::tests {
namespace {

constexpr uint64_t kFirstSeed = 20260701;
constexpr uint64_t kCases = 10000;

TEST(FuzzDedup, RandomGraphsComeOutAsLibbpfLeavesThem) {
  const FuzzRun run = FuzzDedup(Style::kRandomGraph, kFirstSeed, kCases);
  EXPECT_EQ(run.differences, 0u);
  EXPECT_LT(run.refused, kCases / 4) << "the generator lost its way";
}

TEST(FuzzDedup, CompilationUnitsComeOutAsLibbpfLeavesThem) {
  const FuzzRun run = FuzzDedup(Style::kCompilationUnits, kFirstSeed, kCases);
  EXPECT_EQ(run.differences, 0u);
  EXPECT_LT(run.refused, kCases / 4) << "the generator lost its way";
}

TEST(FuzzDedup, EntangledCopiesComeOutAsLibbpfLeavesThem) {
  const FuzzRun run = FuzzDedup(Style::kCopies, kFirstSeed, kCases);
  EXPECT_EQ(run.differences, 0u);
  EXPECT_LT(run.refused, kCases / 4) << "the generator lost its way";
}

}  // namespace
}  // namespace btfd::tests
