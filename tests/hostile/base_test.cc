// SPDX-License-Identifier: Apache-2.0
//
// Measures bases that are made so that indexing them is slow. A base is sent
// and indexed once. So the client that sends it pays for that, and later
// requests do not.
#include "lib/btf/base.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <string>

#include "absl/strings/str_cat.h"
#include "lib/btf/dedup_index.h"
#include "lib/btf/testing/builder.h"
#include "tests/hostile/colliding_text.h"
#include "tests/hostile/cost.h"

namespace btfd::tests {
namespace {

using btf::testing::BtfBuilder;
using btf::testing::Name;

std::string EqualInts(uint32_t n) {
  BtfBuilder base;
  for (uint32_t i = 0; i < n; ++i) base.Int("int", 4);
  return base.Build();
}

std::string EqualStructs(uint32_t n) {
  BtfBuilder base;
  base.Int("int", 4);
  for (uint32_t i = 0; i < n; ++i) base.Struct("s", 4, {{"m", 1, 0}});
  return base.Build();
}

std::string NamesOfOneHash(uint32_t n) {
  BtfBuilder base;
  for (uint32_t i = 0; i < n; ++i) base.Fwd(CollidingText(i));
  return base.Build();
}

std::string SharedEnds(uint32_t n) {
  BtfBuilder base;
  base.Int("int", 4);
  const uint32_t text = base.AppendString(std::string(12 * n, 'x'));
  for (uint32_t i = 0; i < n; ++i) base.Typedef(Name::At(text + i), 1);
  return base.Build();
}

std::string DifferentTypes(uint32_t n) {
  BtfBuilder base;
  base.Int("int", 4);
  for (uint32_t i = 0; i < n; ++i) {
    base.Struct(absl::StrCat("s", i), 4, {{absl::StrCat("m", i), 1, 0}});
  }
  return base.Build();
}

struct BaseCase {
  const char* name;
  const char* what;
  std::string (*make)(uint32_t n);
  uint32_t n;
  bool may_be_refused;
};

class HostileBases : public ::testing::TestWithParam<BaseCase> {};

TEST_P(HostileBases, AreIndexedInProportionOrRefused) {
  const BaseCase& hostile = GetParam();
  double seconds[2];
  for (int i = 0; i < 2; ++i) {
    const uint32_t n = i == 0 ? hostile.n : 4 * hostile.n;
    const std::string raw = hostile.make(n);
    const Cost cost = Measure([&] {
      auto base = btf::Base::Build(raw);
      if (!base.ok()) return Outcome{base.status()};
      return Outcome{btf::DedupIndex::Build(**base).status()};
    });
    std::printf("| %s | %u | %zu | %d | %d | %s |\n", hostile.what, n,
                raw.size() / 1000, static_cast<int>(cost.seconds * 1000),
                static_cast<int>(cost.peak_bytes / 1000000),
                absl::StatusCodeToString(cost.code).c_str());
    seconds[i] = cost.seconds;
    if (hostile.may_be_refused) {
      EXPECT_THAT(cost.code,
                  ::testing::AnyOf(absl::StatusCode::kOk,
                                   absl::StatusCode::kResourceExhausted));
    } else {
      EXPECT_EQ(cost.code, absl::StatusCode::kOk) << cost.message;
    }
    if (cost.code != absl::StatusCode::kOk) {
      EXPECT_THAT(cost.message, ::testing::HasSubstr("base BTF: "));
      EXPECT_THAT(cost.message, ::testing::HasSubstr("steps"));
    }
    EXPECT_LT(cost.seconds, 20);
    EXPECT_LT(cost.peak_bytes, 100000000 + 50 * raw.size());
  }
  if (!hostile.may_be_refused) {
    EXPECT_LT(seconds[1], 12 * seconds[0] + 1);
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, HostileBases,
    ::testing::Values(
        BaseCase{"DifferentTypes", "n different structs, for comparison",
                 DifferentTypes, 50000, false},
        BaseCase{"EqualInts", "n times the same INT", EqualInts, 20000, true},
        BaseCase{"EqualStructs", "n times the same struct", EqualStructs, 20000,
                 true},
        BaseCase{"NamesOfOneHash", "n names of one hash", NamesOfOneHash, 10000,
                 true},
        BaseCase{"SharedEnds", "n names, the ends of one text", SharedEnds,
                 20000, true}),
    [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace btfd::tests
