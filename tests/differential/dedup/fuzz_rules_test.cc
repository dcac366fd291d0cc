// SPDX-License-Identifier: Apache-2.0
//
// Some hundred generated cases by the rules of each libbpf, the same ones in
// each run. The program fuzz_rules runs any number of them.
#include <gtest/gtest.h>

#include "tests/differential/dedup/rules_diff.h"

namespace btfd::tests {
namespace {

constexpr uint64_t kFirstSeed = 20261127;
constexpr uint64_t kCases = 300;

class FuzzRules : public ::testing::TestWithParam<engine::LibbpfRules> {};

TEST_P(FuzzRules, ComeOutAsThatLibbpfLeavesThem) {
  auto diff = RulesDiff::Start(GetParam());
  ASSERT_TRUE(diff.ok()) << diff.status();
  for (const Style style : kAllStyles) {
    const FuzzRun run = (*diff)->Fuzz(style, kFirstSeed, kCases);
    EXPECT_EQ(run.differences, 0u) << StyleName(style);
    EXPECT_LT(run.refused + run.endless, kCases / 2)
        << StyleName(style) << ": the generator lost its way";
  }
}

INSTANTIATE_TEST_SUITE_P(EachLibbpf, FuzzRules, ::testing::ValuesIn(kAllRules),
                         [](const auto& info) {
                           std::string name = RulesName(info.param);
                           name[1] = '_';
                           return "Libbpf" + name;
                         });

}  // namespace
}  // namespace btfd::tests
