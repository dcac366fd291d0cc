// SPDX-License-Identifier: Apache-2.0
//
// Rule by rule: which record is refused, in which words, and that its neighbour
// is taken.
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "lib/btf/testing/builder.h"
#include "lib/engine/kernel_check/test_util.h"
#include "lib/engine/testing/kernel_rules.h"

namespace btfd::engine {
namespace {

using btf::testing::BtfBuilder;
using testing::KernelRule;

class KernelCheckRule : public ::testing::TestWithParam<KernelRule> {};

TEST_P(KernelCheckRule, IsWhatSeparatesTheNeighbours) {
  BtfBuilder refused, taken;
  refused.Int("int", 4);
  taken.Int("int", 4);
  GetParam().refused(&refused);
  GetParam().taken(&taken);
  EXPECT_EQ(CheckResult(taken), "ok");
  EXPECT_EQ(CheckResult(refused), absl::StrCat(".BTF: ", GetParam().words));
}

INSTANTIATE_TEST_SUITE_P(All, KernelCheckRule,
                         ::testing::ValuesIn(testing::AllKernelRules()),
                         [](const ::testing::TestParamInfo<KernelRule>& info) {
                           return info.param.name;
                         });

}  // namespace
}  // namespace btfd::engine
