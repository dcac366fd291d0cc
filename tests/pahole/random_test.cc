// SPDX-License-Identifier: Apache-2.0
//
// Byte identity with the real pahole on random programs (random_c.h): some 300
// units, built in all ways. fuzz_pahole compares any number of them.
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_join.h"
#include "tests/pahole/cases.h"
#include "tests/pahole/encoder.h"
#include "tests/support/process.h"

namespace btfd::tests {
namespace {

const std::vector<CaseGroup>& AllGroups() {
  static const auto* groups = new std::vector<CaseGroup>(
      CasesFromBytes(ReadFileOrEmpty("tests/pahole/random.objects")));
  return *groups;
}

OurPahole* Ours() {
  static auto* pahole = new OurPahole;
  return pahole;
}

class RandomPrograms : public ::testing::TestWithParam<size_t> {};

TEST_P(RandomPrograms, AreEncodedAsByTheRealOne) {
  const CaseGroup& group = AllGroups()[GetParam()];
  size_t compared = 0;
  for (const Case& one : group.cases) {
    const auto differences = JudgeCase(Ours(), one, group.bases, &compared);
    EXPECT_TRUE(differences.empty()) << absl::StrJoin(differences, "\n");
  }
  EXPECT_GE(compared, 8 * RunsOf(Runs::kRandom).size());
}

INSTANTIATE_TEST_SUITE_P(Groups, RandomPrograms,
                         ::testing::Range(size_t{0}, AllGroups().size()));

// If no pahole encoded these programs, they would show nothing.
TEST(RandomProgramsOfTheSuite, AreEncodable) {
  size_t encoded = 0, all = 0;
  for (const CaseGroup& group : AllGroups()) {
    for (const Case& one : group.cases) {
      for (const EncodeResult& result : one.built[0].results) {
        ++all;
        encoded += result.btf.has_value() && result.exit_code == 0;
      }
    }
  }
  EXPECT_GT(all, 100 * RunsOf(Runs::kRandom).size());
  EXPECT_GT(encoded, all * 95 / 100);
}

}  // namespace
}  // namespace btfd::tests
