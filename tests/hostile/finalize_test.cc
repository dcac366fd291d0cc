// SPDX-License-Identifier: Apache-2.0
//
// Measures modules that are made so that they take long. Each is made in two
// sizes, the second four times the first. The steps must not grow by more than
// a factor of five, unless the larger module is refused because of its steps.
// Time is only a last check, with a bound that a slow machine keeps. Each run
// prints the rows of README.md's table.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "lib/btf/base.h"
#include "lib/btf/dedup_index.h"
#include "lib/engine/pipeline.h"
#include "lib/util/arena.h"
#include "lib/util/work_budget.h"
#include "tests/hostile/cost.h"
#include "tests/hostile/finalize_cases.h"
#include "tests/support/module_input.h"
#include "tests/support/process.h"
#include "tests/support/profile_steps.h"
#include "tests/support/testdata.h"

namespace btfd::tests {
namespace {

struct LoadedBase {
  std::shared_ptr<const btf::Base> base;
  std::shared_ptr<const btf::DedupIndex> index;
};

LoadedBase Load(const std::string& raw) {
  LoadedBase loaded;
  auto base = btf::Base::Build(raw);
  EXPECT_TRUE(base.ok()) << base.status();
  if (!base.ok()) return loaded;
  loaded.base = *base;
  auto index = btf::DedupIndex::Build(*loaded.base);
  EXPECT_TRUE(index.ok()) << index.status();
  if (index.ok()) loaded.index = *index;
  return loaded;
}

Outcome Finalize(engine::FinalizeInput input, const LoadedBase& base,
                 const engine::Steps& steps) {
  input.base = base.base.get();
  if (steps.dedup) input.dedup_index = base.index.get();
  util::Arena arena;
  engine::FinalizeOutput output;
  Outcome outcome;
  outcome.status = engine::Finalize(input, steps, &arena, &output);
  outcome.work = output.work;
  return outcome;
}

struct Measured {
  uint64_t bytes = 0;
  Cost cost;
};

Measured RunCase(const HostileCase& hostile, uint32_t n) {
  const HostileModule module = hostile.make(n);
  const LoadedBase base = Load(module.base.empty() ? SmallBase() : module.base);
  Measured run;
  run.bytes = module.size();
  run.cost = Measure([&] {
    engine::FinalizeInput input;
    input.btf = module.btf;
    input.distilled_base = module.distilled_base;
    input.ids = module.ids;
    return Finalize(input, base, module.steps);
  });
  return run;
}

std::string Row(const HostileCase& hostile, uint32_t n, const Measured& run) {
  return absl::StrCat("| ", hostile.what, " | ", n, " | ", run.bytes / 1000,
                      " | ", run.cost.work / 1000, " | ",
                      static_cast<int>(run.cost.seconds * 1000), " | ",
                      run.cost.peak_bytes / 1000000, " | ",
                      absl::StatusCodeToString(run.cost.code), " |");
}

class HostileModules : public ::testing::TestWithParam<HostileCase> {};

TEST_P(HostileModules, CostInProportionToTheirSize) {
  const HostileCase& hostile = GetParam();
  const Measured small = RunCase(hostile, hostile.n);
  const Measured large = RunCase(hostile, 4 * hostile.n);
  std::printf("%s\n%s\n", Row(hostile, hostile.n, small).c_str(),
              Row(hostile, 4 * hostile.n, large).c_str());
  for (const Measured* run : {&small, &large}) {
    const Cost& cost = run->cost;
    EXPECT_THAT(cost.code,
                ::testing::AnyOf(absl::StatusCode::kOk,
                                 absl::StatusCode::kInvalidArgument,
                                 absl::StatusCode::kResourceExhausted))
        << cost.message;
    // A hundred megabytes, and fifty bytes for each byte of the input.
    EXPECT_LT(cost.peak_bytes, 100000000 + 50 * run->bytes);
    EXPECT_LT(cost.seconds, 30);
  }
  if (large.cost.code == absl::StatusCode::kResourceExhausted) {
    EXPECT_TRUE(hostile.may_be_refused) << large.cost.message;
    EXPECT_THAT(large.cost.message,
                ::testing::AnyOf(::testing::HasSubstr("steps"),
                                 ::testing::HasSubstr("names")));
  } else {
    // A few steps for each byte take less time than reading the byte.
    EXPECT_LT(large.cost.work,
              std::max(5 * small.cost.work + 1000000, 4 * large.bytes));
  }
}

INSTANTIATE_TEST_SUITE_P(All, HostileModules,
                         ::testing::ValuesIn(FinalizeCases()),
                         [](const auto& info) {
                           return std::string(info.param.name);
                         });

// Real modules need far less than the bound.
TEST(SensibleModules, SpendLittleOfWhatTheyMay) {
  double most = 0;
  size_t judged = 0;
  for (const char* series : {"6.12", "7.2"}) {
    auto kernel = FindKernel(series);
    ASSERT_TRUE(kernel.ok()) << kernel.status();
    const LoadedBase base = Load(ReadFileOrEmpty(kernel->vmlinux_btf));
    // BTFD_SENSIBLE_MODULES=all takes every module.
    const bool all = std::getenv("BTFD_SENSIBLE_MODULES") != nullptr;
    auto modules = all ? kernel->modules : SpreadBySize(kernel->modules, 40);
    const auto large = ModulesNamed(kernel->modules, {"amdgpu", "xfs"});
    modules.insert(modules.end(), large.begin(), large.end());
    for (const std::string& path : modules) {
      auto module = ReadModuleInput(path);
      ASSERT_TRUE(module.ok()) << module.status();
      if (module->btf.empty()) continue;
      const Outcome outcome =
          Finalize(module->ForEngine(), base, StepsForProfile("7.3", true));
      ASSERT_TRUE(outcome.status.ok()) << outcome.status;
      ++judged;
      const auto budget = util::WorkBudget::ForInput(module->btf.size());
      most = std::max(most, static_cast<double>(outcome.work) / budget.limit());
    }
  }
  std::printf("most of its budget that one of %zu modules spent: %.4f\n",
              judged, most);
  EXPECT_LT(most, 0.1);
}

}  // namespace
}  // namespace btfd::tests
