// SPDX-License-Identifier: Apache-2.0
//
// Runs random small modules through both tools. They have the corner cases of
// kfuncs and .BTF_ids: names that several types have, sets that disagree,
// symbols with odd names, sizes and places, and ids of names that no type has.
// Cases in which upstream's tool reads or writes out of bounds are left out.
//
// BTFD_RANDOM_CASES is the number of cases of each profile (default 150),
// BTFD_RANDOM_SEED the first seed. A failure names its seed.
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "lib/btf/testing/builder.h"
#include "lib/engine/testing/ids_builder.h"
#include "tests/kfunc/kfunc_module.h"

namespace btfd::tests {
namespace {

using btf::TypeId;
using btf::testing::BtfBuilder;
using btf::testing::MemberSpec;
using btf::testing::ParamSpec;
using engine::testing::IdsBuilder;

class RandomModule {
 public:
  explicit RandomModule(uint32_t seed) : random_(seed) {}

  KfuncModule Make() {
    BtfBuilder base;
    if (Chance(4)) base.ShareStrings(false);
    DrawTypes(&base, Below(12) + 3);
    DrawFuncs(&base, Below(4));
    if (Chance(5)) {
      standalone_ = true;
      return {"", base.Build(), DrawIds()};
    }
    BtfBuilder module(base);
    if (Chance(3)) module.ShareStrings(false);
    DrawTypes(&module, Below(10));
    DrawFuncs(&module, Below(8));
    if (Chance(6)) module.form().hdr_len = 32;
    return {base.Build(), module.Build(), DrawIds()};
  }
  bool standalone() const { return standalone_; }

 private:
  uint32_t Below(uint32_t end) { return random_() % end; }
  bool Chance(uint32_t one_in) { return Below(one_in) == 0; }
  TypeId AnyType() {
    return types_.empty() || Chance(8) ? 0 : types_[Below(types_.size())];
  }
  std::string TypeName() {
    static constexpr const char* kNames[] = {
        "bpf_prog_aux", "btf_struct_meta", "foo", "bar", "foo_t", "task"};
    return kNames[Below(6)];
  }
  std::string FuncName() {
    static constexpr const char* kNames[] = {
        "bpf_a", "bpf_b", "bpf_c", "bpf_a_impl", "bpf_d", "bpf_", "bpf__e"};
    return kNames[Below(7)];
  }
  std::string ParamName() {
    static constexpr const char* kNames[] = {
        "", "p", "q__arena", "r__arena__nullable", "__arena", "bpf_a", "foo"};
    return kNames[Below(7)];
  }

  void DrawTypes(BtfBuilder* builder, uint32_t count) {
    for (uint32_t i = 0; i < count; ++i) types_.push_back(DrawType(builder));
  }

  TypeId DrawType(BtfBuilder* builder) {
    switch (Below(12)) {
      case 0:
        return builder->Int(TypeName(), 4);
      case 1:
        return builder->Const(AnyType());
      case 2:
        return builder->Volatile(AnyType());
      case 3:
        return builder->Typedef(TypeName(), AnyType());
      case 4:
        return builder->TypeTag(Chance(2) ? "user" : "address_space(2)",
                                AnyType(), Chance(2));
      case 5:
        return builder->Fwd(TypeName(), Chance(3));
      case 6:
        return builder->Union(TypeName(), 8, {{"u", AnyType(), 0}});
      case 7:
      case 8:
        return builder->Struct(Chance(6) ? "" : TypeName(), 8,
                               {{"a", AnyType(), 0}, {"foo", AnyType(), 32}});
      default:
        return builder->Ptr(AnyType());
    }
  }

  void DrawFuncs(BtfBuilder* builder, uint32_t count) {
    for (uint32_t i = 0; i < count; ++i) {
      if (protos_.empty() || !Chance(3)) {
        std::vector<ParamSpec> params;
        for (uint32_t n = Below(5); n > 0; --n) {
          params.push_back({ParamName(), AnyType()});
        }
        protos_.push_back(builder->Proto(AnyType(), params));
      }
      funcs_.push_back(builder->Func(FuncName(), protos_[Below(protos_.size())],
                                     Chance(20) ? 3 : Below(3)));
      while (Chance(2)) {
        static constexpr const char* kTags[] = {"bpf_kfunc", "bpf_kfunc",
                                                "bpf_fastcall", "other"};
        builder->DeclTag(kTags[Below(4)], funcs_[Below(funcs_.size())],
                         Chance(4) ? static_cast<int32_t>(Below(2)) : -1,
                         Chance(5));
      }
    }
  }

  uint32_t KfuncFlags() {
    uint32_t flags = Chance(3) ? Below(16) : 0;
    if (Chance(3)) flags |= 1u << 16;
    for (uint32_t bit = 12; bit <= 15; ++bit) {
      if (Chance(8)) flags |= 1u << bit;
    }
    return flags;
  }

  void DrawEntry(IdsBuilder* ids, uint32_t flags) {
    static constexpr const char* kKinds[] = {"struct", "union", "typedef"};
    if (Chance(12)) {
      ids->EntryWithoutSymbol(flags);
    } else if (Chance(5)) {
      ids->Entry(kKinds[Below(3)], TypeName(), flags);
    } else {
      ids->Entry("func", Chance(15) ? "bpf_gone" : FuncName(), flags);
    }
  }

  // Names that upstream treats specially, or ignores.
  void DrawOddSymbol(IdsBuilder* ids) {
    static constexpr const char* kNames[] = {
        "__BTF_ID__funcXXbpf_a__1",   "__BTF_ID__func__bpf_a__",
        "__BTF_ID__func_proto__x__1", "__BTF_ID__func__bpf____2",
        "__BTF_ID__struct__foo___1",  "__BTF_ID__typedef____1",
        "__BTF_ID__func__foo_1",      "__BTF_ID__enum__foo__1",
        "__BTF_ID__func__",           "other_symbol"};
    const uint32_t odd = Chance(3) ? Below(10) : Below(6);
    ids->Symbol(kNames[odd], 4 * Below(ids->offset() / 4 + 1), 4);
  }

  engine::IdsSection DrawIds() {
    IdsBuilder ids(Chance(3) ? 0x1000 : 0);
    const uint32_t sets = Below(4);
    for (uint32_t i = 0; i < sets; ++i) {
      // Two equal names end the run with an error; some cases have that.
      const std::string name =
          absl::StrCat("set_", Chance(30) ? 0 : i, Chance(2) ? "z" : "");
      const bool set8 = !Chance(4);
      if (set8) {
        ids.BeginSet8(name, Chance(4) ? Below(4) : 1);
      } else {
        ids.BeginSet(name);
      }
      for (uint32_t n = Below(6); n > 0; --n) DrawEntry(&ids, KfuncFlags());
      ids.EndSet();
    }
    for (uint32_t n = Below(5); n > 0; --n) {
      ids.Single(Chance(2) ? "struct" : "func",
                 Chance(2) ? TypeName() : FuncName());
    }
    ids.Word(0);
    while (Chance(4)) DrawOddSymbol(&ids);
    return ids.Build(Chance(6));
  }

  std::mt19937 random_;
  bool standalone_ = false;
  std::vector<TypeId> types_;
  std::vector<TypeId> protos_;
  std::vector<TypeId> funcs_;
};

uint32_t FromEnvironment(const char* name, uint32_t otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr ? otherwise : std::strtoul(value, nullptr, 10);
}

class RandomModules : public ::testing::TestWithParam<std::string> {};

TEST_P(RandomModules, GiveTheSameAsThePeer) {
  const uint32_t first = FromEnvironment("BTFD_RANDOM_SEED", 1);
  const uint32_t count = FromEnvironment("BTFD_RANDOM_CASES", 150);
  uint32_t failed = 0;
  uint32_t refused = 0;
  for (uint32_t seed = first; seed < first + count && failed < 5; ++seed) {
    RandomModule random(seed);
    const KfuncModule module = random.Make();
    EngineRun run;
    const std::string difference = DifferenceFromPeer(
        module, GetParam(), seed % 2 == 0 && !random.standalone(), &run);
    EXPECT_EQ(difference, "") << "seed " << seed;
    failed += difference.empty() ? 0 : 1;
    refused += run.status.ok() ? 0 : 1;
  }
  // If more were refused, the test would not compare enough.
  EXPECT_LT(refused, count / 2);
}

INSTANTIATE_TEST_SUITE_P(Profiles, RandomModules,
                         ::testing::Values("7.2", "7.3"));

}  // namespace
}  // namespace btfd::tests
