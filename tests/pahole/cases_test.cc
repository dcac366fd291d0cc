// SPDX-License-Identifier: Apache-2.0
//
// Byte identity with the real pahole on small files with one rule each: every
// object that compilers and linkers make of them, with the flags of every
// kernel, for each version of pahole.
#include "tests/pahole/cases.h"

#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_join.h"
#include "tests/pahole/encoder.h"
#include "tests/support/process.h"

namespace btfd::tests {
namespace {

const CaseGroup& AllCases() {
  static const auto* groups = new std::vector<CaseGroup>(
      CasesFromBytes(ReadFileOrEmpty("tests/pahole/cases.objects")));
  return groups->at(0);
}

OurPahole* Ours() {
  static auto* pahole = new OurPahole;
  return pahole;
}

class PaholeCase : public ::testing::TestWithParam<size_t> {};

TEST_P(PaholeCase, IsEncodedAsByTheRealOne) {
  size_t compared = 0;
  const auto differences = JudgeCase(Ours(), AllCases().cases[GetParam()],
                                     AllCases().bases, &compared);
  EXPECT_TRUE(differences.empty()) << absl::StrJoin(differences, "\n");
  // There is at least one compiler, with each level and each form of DWARF.
  EXPECT_GE(compared, 18u);
}

INSTANTIATE_TEST_SUITE_P(All, PaholeCase,
                         ::testing::Range(size_t{0}, AllCases().cases.size()),
                         [](const ::testing::TestParamInfo<size_t>& info) {
                           return AllCases().cases[info.param].name;
                         });

// If the real paholes encoded nothing of most cases, the cases would show
// nothing.
TEST(PaholeCases, MostAreEncoded) {
  size_t encoded = 0, all = 0;
  for (const Case& one : AllCases().cases) {
    for (const Built& built : one.built) {
      for (const EncodeResult& result : built.results) {
        ++all;
        encoded += result.btf.has_value() && result.exit_code == 0;
      }
    }
  }
  EXPECT_GT(all, 2000u);
  EXPECT_GT(encoded, all * 8 / 10);
}

}  // namespace
}  // namespace btfd::tests
