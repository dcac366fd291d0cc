// SPDX-License-Identifier: Apache-2.0
//
// Measures kernels and BPF programs that are made so that minimizing takes
// long. Each is made in two sizes, the second four times the first. Each run
// prints the rows of README.md's table.
#include "lib/core/min_core.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "lib/btf/plain_types.h"
#include "lib/btf/testing/builder.h"
#include "lib/core/program.h"
#include "lib/core/testing/program_builder.h"
#include "tests/hostile/colliding_text.h"
#include "tests/hostile/cost.h"

namespace btfd::tests {
namespace {

using btf::TypeId;
using btf::testing::BtfBuilder;
using btf::testing::MemberSpec;
using btf::testing::Name;
using core::RelocationKind;
using core::testing::ProgramBuilder;

struct Inputs {
  std::string kernel;
  std::string program, program_ext;

  size_t size() const {
    return kernel.size() + program.size() + program_ext.size();
  }
};

Inputs Of(const BtfBuilder& kernel, ProgramBuilder* program) {
  return {kernel.Build(), program->types.Build(), program->Ext()};
}

// struct s { int pid; } of the program, which `n` relocations ask for.
void AskForPid(uint32_t n, ProgramBuilder* program) {
  const TypeId i32 = program->types.Int("int", 4);
  const TypeId s = program->types.Struct("s", 4, {{"pid", i32, 0}});
  for (uint32_t i = 0; i < n; ++i) {
    program->Relocate(s, "0:0", RelocationKind::kFieldByteOffset);
  }
}

Inputs Candidates(uint32_t n) {
  BtfBuilder kernel;
  const TypeId i32 = kernel.Int("int", 4);
  for (uint32_t i = 0; i < n; ++i) kernel.Struct("s", 4, {{"pid", i32, 0}});
  ProgramBuilder program;
  AskForPid(n, &program);
  return Of(kernel, &program);
}

// Looking for a member that is not there goes both ways at each step.
Inputs NestedUnions(uint32_t n) {
  BtfBuilder kernel;
  TypeId inner = kernel.Struct("", 4, {{"other", kernel.Int("int", 4), 0}});
  for (uint32_t i = 0; i < n; ++i) {
    inner = kernel.Union("", 4, {{"", inner, 0}, {"", inner, 0}});
  }
  kernel.Struct("s", 4, {{"", inner, 0}});
  ProgramBuilder program;
  AskForPid(1, &program);
  return Of(kernel, &program);
}

std::vector<MemberSpec> ManyMembers(uint32_t n, TypeId type) {
  std::vector<MemberSpec> members;
  for (uint32_t i = 0; i < n; ++i) {
    members.push_back({absl::StrCat("m", i), type, 0});
  }
  return members;
}

// Each member of the one is looked for among those of the other.
Inputs MatchesOfMembers(uint32_t n) {
  BtfBuilder kernel;
  kernel.Struct("s", 4, ManyMembers(n, kernel.Int("int", 4)));
  ProgramBuilder program;
  const TypeId s =
      program.types.Struct("s", 4, ManyMembers(n, program.types.Int("int", 4)));
  for (uint32_t i = 0; i < n / 100; ++i) {
    program.Relocate(s, "0", RelocationKind::kTypeMatches);
  }
  return Of(kernel, &program);
}

void Pointers(uint32_t n, BtfBuilder* types) {
  TypeId last = types->Struct("end", 0);
  for (uint32_t i = 0; i < n; ++i) last = types->Ptr(last);
  types->Struct("s", 8, {{"p", last, 0}});
}

Inputs ChainOfPointers(uint32_t n) {
  BtfBuilder kernel;
  Pointers(n, &kernel);
  ProgramBuilder program;
  Pointers(n, &program.types);
  const TypeId s = program.types.next_id() - 1;
  for (uint32_t i = 0; i < n / 100; ++i) {
    program.Relocate(s, "0", RelocationKind::kTypeMatches);
  }
  return Of(kernel, &program);
}

Inputs Enumerators(uint32_t n) {
  std::vector<btf::testing::EnumSpec> values;
  for (uint32_t i = 0; i < n; ++i) {
    values.push_back({absl::StrCat("E", i), i});
  }
  BtfBuilder kernel;
  kernel.Enum("e", 4, values);
  ProgramBuilder program;
  const TypeId e = program.types.Enum("e", 4, values);
  for (uint32_t i = 0; i < n; ++i) {
    program.Relocate(e, absl::StrCat(n - 1 - i), RelocationKind::kEnumValue);
  }
  return Of(kernel, &program);
}

Inputs NamesOfOneHash(uint32_t n) {
  BtfBuilder kernel;
  const TypeId i32 = kernel.Int("int", 4);
  ProgramBuilder program;
  for (uint32_t i = 0; i < n; ++i) {
    kernel.Struct(CollidingText(i), 4, {{"pid", i32, 0}});
    program.Relocate(program.types.Struct(CollidingText(i), 4), "0",
                     RelocationKind::kTypeExists);
  }
  return Of(kernel, &program);
}

Inputs SharedEnds(uint32_t n) {
  BtfBuilder kernel;
  const TypeId i32 = kernel.Int("int", 4);
  const uint32_t text = kernel.AppendString(std::string(12 * n, 'x'));
  ProgramBuilder program;
  const uint32_t local = program.types.AppendString(std::string(12 * n, 'x'));
  for (uint32_t i = 0; i < n; ++i) {
    kernel.Struct(Name::At(text + i), 4, {{"pid", i32, 0}});
    program.Relocate(program.types.Struct(Name::At(local + i), 4), "0",
                     RelocationKind::kTypeExists);
  }
  return Of(kernel, &program);
}

// As `btfc min-core` does it for a kernel without modules, and with them.
absl::Status Minimize(const Inputs& inputs, bool indexed) {
  const auto program =
      core::Program::Parse("p.o", inputs.program, inputs.program_ext, 8);
  if (!program.ok()) return program.status();
  const auto run = [&program](core::MinCore min_core) {
    const absl::Status added = min_core.AddProgram(*program);
    return added.ok() ? min_core.Write().status() : added;
  };
  if (indexed) {
    const auto base = btf::Base::Build(inputs.kernel);
    return base.ok() ? run(core::MinCore(**base, 8)) : base.status();
  }
  const auto types = btf::PlainTypes::Parse(inputs.kernel);
  return types.ok() ? run(core::MinCore(*types, 8)) : types.status();
}

struct MinCoreCase {
  const char* name;
  const char* what;
  Inputs (*make)(uint32_t n);
  uint32_t n;
  bool may_be_refused;
};

class HostileMinCore : public ::testing::TestWithParam<MinCoreCase> {};

TEST_P(HostileMinCore, CostsInProportionOrIsRefused) {
  const MinCoreCase& hostile = GetParam();
  for (const bool indexed : {false, true}) {
    double seconds[2];
    for (int i = 0; i < 2; ++i) {
      const uint32_t n = i == 0 ? hostile.n : 4 * hostile.n;
      const Inputs inputs = hostile.make(n);
      const Cost cost =
          Measure([&] { return Outcome{Minimize(inputs, indexed)}; });
      if (!indexed) {
        std::printf("| %s | %u | %zu | %d | %d | %s |\n", hostile.what, n,
                    inputs.size() / 1000, static_cast<int>(cost.seconds * 1000),
                    static_cast<int>(cost.peak_bytes / 1000000),
                    absl::StatusCodeToString(cost.code).c_str());
      }
      seconds[i] = cost.seconds;
      if (cost.code != absl::StatusCode::kOk) {
        EXPECT_TRUE(hostile.may_be_refused) << cost.message;
        EXPECT_THAT(cost.message,
                    ::testing::AnyOf(::testing::HasSubstr("steps"),
                                     ::testing::HasSubstr("names"),
                                     ::testing::HasSubstr("more than 64 parts"),
                                     ::testing::HasSubstr("too deeply")));
      }
      EXPECT_LT(cost.seconds, 20);
      EXPECT_LT(cost.peak_bytes, 100000000 + 50 * inputs.size());
    }
    if (!hostile.may_be_refused) {
      EXPECT_LT(seconds[1], 12 * seconds[0] + 1);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, HostileMinCore,
    ::testing::Values(
        MinCoreCase{"Candidates", "n relocations, n candidates", Candidates,
                    2000, true},
        MinCoreCase{"NestedUnions", "n unions, each twice in the next",
                    NestedUnions, 16, true},
        MinCoreCase{"MatchesOfMembers", "n/100 matches of n members",
                    MatchesOfMembers, 2000, true},
        MinCoreCase{"ChainOfPointers", "n/100 matches of n pointers",
                    ChainOfPointers, 20000, true},
        MinCoreCase{"Enumerators", "n values of n", Enumerators, 2000, true},
        MinCoreCase{"NamesOfOneHash", "n names of one hash", NamesOfOneHash,
                    10000, true},
        MinCoreCase{"SharedEnds", "n names, the ends of one text", SharedEnds,
                    20000, true}),
    [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace btfd::tests
