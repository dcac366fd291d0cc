// SPDX-License-Identifier: Apache-2.0
//
// Runs kfunc cases that no released module has through both tools. The tests
// also look at the engine's output as text, so that they show more than that
// both tools agree.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "lib/btf/base.h"
#include "lib/btf/testing/builder.h"
#include "lib/btf/testing/dump.h"
#include "lib/engine/testing/ids_builder.h"
#include "tests/kfunc/kfunc_module.h"
#include "tests/support/profile_steps.h"

namespace btfd::tests {
namespace {

using btf::TypeId;
using btf::testing::BtfBuilder;
using btf::testing::Dump;
using btf::testing::ParamSpec;
using engine::testing::IdsBuilder;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr uint32_t kSet8Kfuncs = 1;
constexpr uint32_t kFastcall = 1 << 12;
constexpr uint32_t kArenaRet = 1 << 13;
constexpr uint32_t kArenaArg1 = 1 << 14;
constexpr uint32_t kArenaArg2 = 1 << 15;
constexpr uint32_t kImplicitArgs = 1 << 16;

// A very small kernel, and a module over it that a test fills.
struct Fixture {
  Fixture() : module(MakeBase()) {}

  const BtfBuilder& MakeBase() {
    int_id = base.Int("int", 4);
    aux = base.Struct("bpf_prog_aux", 16, {{"refcnt", int_id, 0}});
    aux_ptr = base.Ptr(aux);
    task = base.Struct("task_struct", 64, {{"pid", int_id, 0}});
    task_ptr = base.Ptr(task);
    void_ptr = base.Ptr(0);
    base_proto = base.Proto(int_id, {{"a", int_id}, {"aux", aux_ptr}});
    base_func = base.Func("bpf_in_base", base_proto);
    base.DeclTag("bpf_kfunc", base_func);
    return base;
  }

  // Adds a function to the module, with or without the tag of 7.2's pahole.
  TypeId Kfunc(const std::string& name, TypeId proto, bool tagged) {
    const TypeId func = module.Func(name, proto);
    if (tagged) module.DeclTag("bpf_kfunc", func);
    return func;
  }

  KfuncModule Build() const {
    return {base.Build(), module.Build(), ids.Build()};
  }

  BtfBuilder base;
  TypeId int_id, aux, aux_ptr, task, task_ptr, void_ptr, base_proto, base_func;
  BtfBuilder module;
  IdsBuilder ids;
};

// Both tools must agree, in-tree and distilled. Returns the in-tree result as
// text.
std::string FinalizedAlike(const KfuncModule& module,
                           const std::string& profile,
                           std::vector<std::string>* warnings = nullptr) {
  EngineRun distilled;
  EXPECT_EQ(DifferenceFromPeer(module, profile, true, &distilled), "");
  EngineRun run;
  EXPECT_EQ(DifferenceFromPeer(module, profile, false, &run), "");
  EXPECT_TRUE(run.status.ok()) << run.status;
  if (warnings != nullptr) *warnings = run.output.warnings;
  auto base = btf::Base::Build(module.base);
  EXPECT_TRUE(base.ok());
  return Dump(run.output.btf.value_or(""), base->get());
}

// Both tools must fail. Returns our message.
std::string FailsAlike(const KfuncModule& module, const std::string& profile) {
  EngineRun run;
  EXPECT_EQ(DifferenceFromPeer(module, profile, false, &run), "");
  EXPECT_EQ(run.status.code(), absl::StatusCode::kInvalidArgument);
  return std::string(run.status.message());
}

// ---- 7.3: kfuncs are found by the SET8s with the kfunc flag.

TEST(Kfunc73, TagsComeFromTheSetAndMergeWithThoseOfPahole) {
  Fixture f;
  const TypeId proto = f.module.Proto(f.int_id, {{"a", f.task_ptr}});
  f.Kfunc("bpf_plain", proto, false);
  f.Kfunc("bpf_tagged", proto, true);
  f.Kfunc("bpf_fast", proto, false);
  f.ids.BeginSet8("s", kSet8Kfuncs)
      .Entry("func", "bpf_plain")
      .Entry("func", "bpf_tagged")
      .Entry("func", "bpf_fast", kFastcall)
      .EndSet();
  const std::string text = FinalizedAlike(f.Build(), "7.3");
  size_t tags = 0;
  for (size_t at = 0; (at = text.find("'bpf_kfunc'", at)) != text.npos; ++at) {
    ++tags;
  }
  EXPECT_EQ(tags, 3u) << text;
  EXPECT_THAT(text, HasSubstr("DECL_TAG 'bpf_fastcall'"));
}

TEST(Kfunc73, ASetWithoutTheFlagAddsNothing) {
  Fixture f;
  f.Kfunc("bpf_foo", f.module.Proto(f.int_id), false);
  f.ids.BeginSet8("s").Entry("func", "bpf_foo", kFastcall).EndSet();
  EXPECT_THAT(FinalizedAlike(f.Build(), "7.3"), Not(HasSubstr("DECL_TAG")));
}

TEST(Kfunc73, APlainSetAddsNothing) {
  Fixture f;
  f.Kfunc("bpf_foo", f.module.Proto(f.int_id), false);
  f.ids.BeginSet("s").Entry("func", "bpf_foo").EndSet();
  EXPECT_THAT(FinalizedAlike(f.Build(), "7.3"), Not(HasSubstr("DECL_TAG")));
}

TEST(Kfunc73, OneKfuncInTwoSetsWithEqualFlagsIsOneKfunc) {
  Fixture f;
  f.Kfunc("bpf_foo", f.module.Proto(f.int_id), false);
  f.ids.BeginSet8("a", kSet8Kfuncs).Entry("func", "bpf_foo", 4).EndSet();
  f.ids.BeginSet8("b", kSet8Kfuncs).Entry("func", "bpf_foo", 4).EndSet();
  FinalizedAlike(f.Build(), "7.3");
}

TEST(Kfunc73, OneKfuncInTwoSetsWithOtherFlagsEndsTheRun) {
  Fixture f;
  f.Kfunc("bpf_foo", f.module.Proto(f.int_id), false);
  f.ids.BeginSet8("a", kSet8Kfuncs).Entry("func", "bpf_foo", 0x10).EndSet();
  f.ids.BeginSet8("b", kSet8Kfuncs).Entry("func", "bpf_foo", 0x2).EndSet();
  // Sets are visited by descending name, so b is the first.
  EXPECT_EQ(FailsAlike(f.Build(), "7.3"),
            "ERROR: resolve_btfids: kfunc bpf_foo has inconsistent flags "
            "across BTF ID sets: 0x2 != 0x10");
}

TEST(Kfunc73, AnEntryWithoutASymbolIsWarnedAbout) {
  Fixture f;
  f.Kfunc("bpf_foo", f.module.Proto(f.int_id), false);
  f.ids.BeginSet8("s", kSet8Kfuncs)
      .EntryWithoutSymbol(1)
      .Entry("func", "bpf_foo")
      .EndSet();
  std::vector<std::string> warnings;
  FinalizedAlike(f.Build(), "7.3", &warnings);
  EXPECT_THAT(warnings, ElementsAre("WARN: resolve_btfids: no BTF ID symbol "
                                    "for s entry 0"));
}

TEST(Kfunc73, AKfuncOfTheBaseAloneIsWarnedAboutAndResolved) {
  Fixture f;
  f.Kfunc("bpf_foo", f.module.Proto(f.int_id), false);
  f.ids.BeginSet8("s", kSet8Kfuncs)
      .Entry("func", "bpf_in_base", kImplicitArgs)
      .Entry("func", "bpf_foo")
      .EndSet();
  std::vector<std::string> warnings;
  const std::string text = FinalizedAlike(f.Build(), "7.3", &warnings);
  EXPECT_THAT(warnings, ElementsAre("WARN: resolve_btfids: no BTF func for "
                                    "kfunc bpf_in_base in s"));
  EXPECT_THAT(text, Not(HasSubstr("bpf_in_base_impl")));
}

TEST(Kfunc73, AKfuncThatNobodyHasIsWarnedAboutTwice) {
  Fixture f;
  f.Kfunc("bpf_foo", f.module.Proto(f.int_id), false);
  f.ids.BeginSet8("s", kSet8Kfuncs).Entry("func", "bpf_gone").EndSet();
  std::vector<std::string> warnings;
  FinalizedAlike(f.Build(), "7.3", &warnings);
  EXPECT_THAT(
      warnings,
      ElementsAre("WARN: resolve_btfids: no BTF func for kfunc bpf_gone in s",
                  "WARN: resolve_btfids: unresolved symbol bpf_gone"));
}

TEST(Kfunc73, VoidIsFoundUnderItsName) {
  Fixture f;
  f.Kfunc("bpf_foo", f.module.Proto(f.int_id), false);
  f.ids.BeginSet8("s", kSet8Kfuncs).Entry("func", "void").EndSet();
  EXPECT_THAT(FinalizedAlike(f.Build(), "7.3"),
              HasSubstr("DECL_TAG 'bpf_kfunc' type=0"));
}

TEST(Kfunc73, ArenaByFlagTagsReturnAndArguments) {
  Fixture f;
  const TypeId proto =
      f.module.Proto(f.void_ptr, {{"p", f.void_ptr}, {"q", f.task_ptr}});
  f.Kfunc("bpf_arena", proto, false);
  f.ids.BeginSet8("s", kSet8Kfuncs)
      .Entry("func", "bpf_arena", kArenaRet | kArenaArg1 | kArenaArg2)
      .EndSet();
  EXPECT_THAT(FinalizedAlike(f.Build(), "7.3"),
              HasSubstr("TYPE_TAG 'address_space(1)'"));
}

TEST(Kfunc73, ArenaBySuffixTagsThatArgumentAlone) {
  Fixture f;
  const TypeId proto =
      f.module.Proto(f.int_id, {{"plain", f.void_ptr},
                                {"p__arena", f.void_ptr},
                                {"n", f.int_id},
                                {"q__arena__nullable", f.task_ptr},
                                {"__arena", f.task_ptr},
                                {"r__arena__other", f.task_ptr}});
  f.Kfunc("bpf_arena", proto, false);
  f.ids.BeginSet8("s", kSet8Kfuncs).Entry("func", "bpf_arena").EndSet();
  FinalizedAlike(f.Build(), "7.3");
}

TEST(Kfunc73, ArenaByFlagAndSuffixIsTaggedOnce) {
  Fixture f;
  const TypeId proto = f.module.Proto(f.int_id, {{"p__arena", f.void_ptr}});
  f.Kfunc("bpf_arena", proto, false);
  f.ids.BeginSet8("s", kSet8Kfuncs)
      .Entry("func", "bpf_arena", kArenaArg1)
      .EndSet();
  FinalizedAlike(f.Build(), "7.3");
}

TEST(Kfunc73, ASharedPrototypeStaysAsItIsForTheOthers) {
  Fixture f;
  const TypeId proto = f.module.Proto(f.int_id, {{"p", f.void_ptr}});
  f.Kfunc("bpf_arena", proto, false);
  f.Kfunc("bpf_other", proto, false);
  f.ids.BeginSet8("s", kSet8Kfuncs)
      .Entry("func", "bpf_arena", kArenaArg1)
      .Entry("func", "bpf_other")
      .EndSet();
  FinalizedAlike(f.Build(), "7.3");
}

TEST(Kfunc73, APrototypeSharedWithTheBaseStaysAsItIs) {
  Fixture f;
  f.Kfunc("bpf_arena", f.base_proto, false);
  f.ids.BeginSet8("s", kSet8Kfuncs)
      .Entry("func", "bpf_arena", kArenaArg2 | kImplicitArgs)
      .EndSet();
  FinalizedAlike(f.Build(), "7.3");
}

TEST(Kfunc73, AnArenaTypeThatIsNoPointerEndsTheRun) {
  const std::string message =
      "ERROR: resolve_btfids: kfunc bpf_arena: arena type is not a pointer";
  for (const uint32_t flag : {kArenaRet, kArenaArg1}) {
    Fixture f;
    const TypeId proto = f.module.Proto(f.int_id, {{"n", f.int_id}});
    f.Kfunc("bpf_arena", proto, false);
    f.ids.BeginSet8("s", kSet8Kfuncs).Entry("func", "bpf_arena", flag).EndSet();
    EXPECT_EQ(FailsAlike(f.Build(), "7.3"), message);
  }
  Fixture f;
  const TypeId const_ptr = f.module.Const(f.void_ptr);
  f.Kfunc("bpf_arena", f.module.Proto(0, {{"p__arena", const_ptr}}), false);
  f.ids.BeginSet8("s", kSet8Kfuncs).Entry("func", "bpf_arena").EndSet();
  EXPECT_EQ(FailsAlike(f.Build(), "7.3"), message);
}

TEST(Kfunc73, APointerToConstKeepsItBehindTheAttribute) {
  Fixture f;
  const TypeId ptr = f.module.Ptr(f.module.Const(f.task));
  f.Kfunc("bpf_arena", f.module.Proto(0, {{"p__arena", ptr}}), false);
  f.ids.BeginSet8("s", kSet8Kfuncs).Entry("func", "bpf_arena").EndSet();
  FinalizedAlike(f.Build(), "7.3");
}

TEST(Kfunc73, AnArenaArgumentBeyondTheLastOneIsNothing) {
  Fixture f;
  f.Kfunc("bpf_arena", f.module.Proto(f.int_id), false);
  f.ids.BeginSet8("s", kSet8Kfuncs)
      .Entry("func", "bpf_arena", kArenaArg1 | kArenaArg2)
      .EndSet();
  FinalizedAlike(f.Build(), "7.3");
}

TEST(Kfunc73, ImplicitAndArenaWorkOnOneFunction) {
  Fixture f;
  const TypeId proto = f.module.Proto(
      f.void_ptr,
      {{"p", f.void_ptr}, {"q__arena", f.void_ptr}, {"aux", f.aux_ptr}});
  const TypeId func = f.Kfunc("bpf_both", proto, true);
  f.module.DeclTag("some_attribute", func, -1, true);
  f.module.DeclTag("of_the_argument", func, 1);
  f.ids.BeginSet8("s", kSet8Kfuncs)
      .Entry("func", "bpf_both",
             kImplicitArgs | kArenaRet | kArenaArg1 | kFastcall)
      .EndSet();
  const std::string text = FinalizedAlike(f.Build(), "7.3");
  EXPECT_THAT(text, HasSubstr("FUNC 'bpf_both_impl'"));
}

TEST(Kfunc73, TheImplFunctionOfTheBaseDoesNotCount) {
  Fixture f;
  f.base.Func("bpf_foo_impl", f.base_proto);
  BtfBuilder module(f.base);
  const TypeId proto =
      module.Proto(f.int_id, {{"x", f.int_id}, {"aux", f.aux_ptr}});
  module.Func("bpf_foo", proto);
  f.ids.BeginSet8("s", kSet8Kfuncs)
      .Entry("func", "bpf_foo", kImplicitArgs)
      .EndSet();
  const KfuncModule parts{f.base.Build(), module.Build(), f.ids.Build()};
  EXPECT_THAT(FinalizedAlike(parts, "7.3"), HasSubstr("bpf_foo_impl"));
}

TEST(Kfunc73, ArenaIsIdempotentWhereUpstreamIsNot) {
  Fixture f;
  const TypeId proto =
      f.module.Proto(f.void_ptr, {{"p", f.void_ptr}, {"q__arena", f.task_ptr}});
  f.Kfunc("bpf_arena", proto, false);
  f.ids.BeginSet8("s", kSet8Kfuncs)
      .Entry("func", "bpf_arena", kArenaRet | kArenaArg1)
      .EndSet();
  KfuncModule module = f.Build();
  const std::string once = FinalizedAlike(module, "7.3");
  const EngineRun first = RunEngine(module, "7.3", false);
  ASSERT_TRUE(first.status.ok()) << first.status;
  module.btf = *first.output.btf;
  const EngineRun second = RunEngine(module, "7.3", false);
  ASSERT_TRUE(second.status.ok()) << second.status;
  auto base = btf::Base::Build(module.base);
  ASSERT_TRUE(base.ok());
  EXPECT_EQ(Dump(*second.output.btf, base->get()), once);
}

// ---- 7.0 to 7.2: kfuncs are found by decl tags.

TEST(Kfunc72, ImplicitArgumentsAreHiddenInPlaceOfTheFirst) {
  Fixture f;
  const TypeId cast = f.module.Const(f.module.Ptr(f.module.Volatile(f.aux)));
  const TypeId proto = f.module.Proto(
      f.int_id,
      {{"a", f.int_id}, {"aux", cast}, {"b", f.int_id}, {"", f.task_ptr}});
  const TypeId func = f.Kfunc("bpf_foo", proto, true);
  f.module.DeclTag("bpf_fastcall", func);
  f.module.DeclTag("attr", func, 0, true);
  f.ids.BeginSet8("s", kSet8Kfuncs)
      .Entry("func", "bpf_foo", kImplicitArgs)
      .EndSet();
  const std::string text = FinalizedAlike(f.Build(), "7.2");
  EXPECT_THAT(text, HasSubstr("FUNC 'bpf_foo_impl'"));
}

TEST(Kfunc72, ATypedefOrAForwardIsNotImplicit) {
  Fixture f;
  const TypeId alias = f.module.Typedef("aux_t", f.aux);
  const TypeId forward = f.module.Fwd("btf_struct_meta");
  const TypeId proto = f.module.Proto(
      f.int_id, {{"a", f.module.Ptr(alias)}, {"b", f.module.Ptr(forward)}});
  f.Kfunc("bpf_foo", proto, true);
  f.ids.BeginSet8("s", kSet8Kfuncs)
      .Entry("func", "bpf_foo", kImplicitArgs)
      .EndSet();
  FinalizedAlike(f.Build(), "7.2");
}

TEST(Kfunc72, TheFirstArgumentMayBeImplicitAndVarargsGoWithIt) {
  Fixture f;
  const TypeId meta = f.module.Struct("btf_struct_meta", 8);
  const TypeId tagged = f.module.TypeTag("user", f.module.Ptr(meta));
  const TypeId proto =
      f.module.Proto(0, {{"meta", tagged}, {"n", f.int_id}, {"", 0}});
  f.Kfunc("bpf_foo", proto, true);
  f.ids.BeginSet8("s").Entry("func", "bpf_foo", kImplicitArgs).EndSet();
  FinalizedAlike(f.Build(), "7.2");
}

TEST(Kfunc72, AnExistingImplIsKept) {
  Fixture f;
  const TypeId proto =
      f.module.Proto(f.int_id, {{"a", f.int_id}, {"aux", f.aux_ptr}});
  f.Kfunc("bpf_foo", proto, true);
  f.module.Func("bpf_foo_impl", proto);
  f.ids.BeginSet8("s").Entry("func", "bpf_foo", kImplicitArgs).EndSet();
  FinalizedAlike(f.Build(), "7.2");
}

TEST(Kfunc72, TwoTagsRewriteTwice) {
  Fixture f;
  const TypeId proto =
      f.module.Proto(f.int_id, {{"a", f.int_id}, {"aux", f.aux_ptr}});
  const TypeId func = f.Kfunc("bpf_foo", proto, true);
  f.module.DeclTag("bpf_kfunc", func);
  f.ids.BeginSet8("s").Entry("func", "bpf_foo", kImplicitArgs).EndSet();
  FinalizedAlike(f.Build(), "7.2");
}

TEST(Kfunc72, TwoFunctionsOfOneNameAreBothRewritten) {
  Fixture f;
  const TypeId proto =
      f.module.Proto(f.int_id, {{"a", f.int_id}, {"aux", f.aux_ptr}});
  f.Kfunc("bpf_foo", proto, true);
  f.Kfunc("bpf_foo", f.module.Proto(0, {{"aux", f.aux_ptr}}), true);
  f.ids.BeginSet8("s").Entry("func", "bpf_foo", kImplicitArgs).EndSet();
  FinalizedAlike(f.Build(), "7.2");
}

TEST(Kfunc72, AKfuncOfTheBaseIsRewrittenBesideIt) {
  Fixture f;
  f.module.Ptr(f.int_id);
  f.ids.BeginSet8("s", kSet8Kfuncs)
      .Entry("func", "bpf_in_base", kImplicitArgs)
      .EndSet();
  const KfuncModule module = f.Build();
  const std::string text = FinalizedAlike(module, "7.2");
  EXPECT_THAT(text, HasSubstr("FUNC 'bpf_in_base_impl'"));
}

TEST(Kfunc72, ATagThatTheModulePutsOnAKfuncOfTheBaseMakesItTwo) {
  Fixture f;
  f.module.DeclTag("bpf_kfunc", f.base_func);
  f.ids.BeginSet8("s").Entry("func", "bpf_in_base", kImplicitArgs).EndSet();
  const KfuncModule module = f.Build();
  EngineRun run;
  EXPECT_EQ(DifferenceFromPeer(module, "7.2", false, &run), "");
  // A decl tag on a FUNC of the base cannot be distilled.
  EXPECT_EQ(DifferenceFromPeer(module, "7.2", true, &run), "");
  EXPECT_THAT(std::string(run.status.message()),
              HasSubstr("has no place in a distilled base"));
}

TEST(Kfunc72, FlagsComeFromTheHighestSetByName) {
  Fixture f;
  const TypeId proto = f.module.Proto(f.int_id, {{"aux", f.aux_ptr}});
  f.Kfunc("bpf_foo", proto, true);
  f.Kfunc("bpf_bar", proto, true);
  f.ids.BeginSet8("a")
      .Entry("func", "bpf_foo", kImplicitArgs)
      .Entry("func", "bpf_bar", 0)
      .EndSet();
  f.ids.BeginSet8("b")
      .Entry("func", "bpf_foo", 0)
      .Entry("func", "bpf_bar", kImplicitArgs)
      .EndSet();
  const std::string text = FinalizedAlike(f.Build(), "7.2");
  EXPECT_THAT(text, HasSubstr("bpf_bar_impl"));
  EXPECT_THAT(text, Not(HasSubstr("bpf_foo_impl")));
}

TEST(Kfunc72, AnUnknownLinkageEndsTheRun) {
  Fixture f;
  const TypeId proto = f.module.Proto(f.int_id, {{"aux", f.aux_ptr}});
  const TypeId func = f.module.Func("bpf_foo", proto, /*linkage=*/3);
  f.module.DeclTag("bpf_kfunc", func);
  f.ids.BeginSet8("s").Entry("func", "bpf_foo", kImplicitArgs).EndSet();
  EXPECT_EQ(FailsAlike(f.Build(), "7.2"),
            ".BTF: kfunc bpf_foo has the unknown linkage 3");
}

TEST(Kfunc72, ANameOf507CharactersHasNoRoomForItsImpl) {
  for (const size_t length : {506, 507}) {
    Fixture f;
    const std::string name(length, 'x');
    f.Kfunc(name, f.module.Proto(f.int_id, {{"aux", f.aux_ptr}}), true);
    f.ids.BeginSet8("s").Entry("func", name, kImplicitArgs).EndSet();
    EngineRun run;
    EXPECT_EQ(DifferenceFromPeer(f.Build(), "7.2", false, &run), "") << length;
  }
}

TEST(Kfunc72, DuplicatedStringsAreFoundAtTheirFirstOffset) {
  Fixture f;
  f.module.AppendString("first_copy");
  f.module.ShareStrings(false);
  const TypeId proto =
      f.module.Proto(f.int_id, {{"first_copy", f.int_id}, {"aux", f.aux_ptr}});
  const TypeId func = f.Kfunc("bpf_foo", proto, true);
  f.module.DeclTag("a_tag", func);
  f.module.DeclTag("a_tag", func, 0);
  f.ids.BeginSet8("s").Entry("func", "bpf_foo", kImplicitArgs).EndSet();
  FinalizedAlike(f.Build(), "7.2");
}

TEST(Kfunc72, ASymbolAlignedAcrossAnEntryReadsTheWordBehindIt) {
  Fixture f;
  f.Kfunc("bpf_foo", f.module.Proto(f.int_id, {{"aux", f.aux_ptr}}), true);
  f.ids.BeginSet8("s").Entry("func", "other", 0).Word(kImplicitArgs).EndSet();
  f.ids.Symbol("__BTF_ID__func__bpf_foo__9", 4, 4);
  FinalizedAlike(f.Build(), "7.2");
}

// ---- Finalizing a module that was finalized before.

class Twice : public ::testing::TestWithParam<std::string> {};

TEST_P(Twice, GivesTheSameAsOnce) {
  Fixture f;
  // Not in the order of their names, so that sorting moves the flags.
  for (const char* name : {"bpf_c", "bpf_a", "bpf_b"}) {
    const TypeId proto = f.module.Proto(
        f.void_ptr,
        {{name, f.int_id}, {"p__arena", f.void_ptr}, {"aux", f.aux_ptr}});
    f.Kfunc(name, proto, GetParam() == "7.2");
  }
  f.ids.BeginSet8("s", kSet8Kfuncs)
      .Entry("func", "bpf_c", 0x4)
      .Entry("func", "bpf_gone", 0x8)
      .Entry("func", "bpf_b", kImplicitArgs)
      .Entry("func", "bpf_a", kArenaRet)
      .EndSet();
  f.ids.BeginSet("t").Entry("func", "bpf_b").Entry("func", "bpf_a").EndSet();
  f.ids.Single("struct", "task_struct");
  KfuncModule module = f.Build();

  engine::Steps steps = StepsForProfile(GetParam(), /*distill=*/false);
  const EngineRun raw = RunEngine(module, steps);
  steps.follow_resolved_ids = true;
  const EngineRun first = RunEngine(module, steps);
  ASSERT_TRUE(first.status.ok()) << first.status;
  EXPECT_EQ(first.output.btf, raw.output.btf);
  EXPECT_EQ(first.output.btf_ids, raw.output.btf_ids);

  module.btf = *first.output.btf;
  module.ids.content = *first.output.btf_ids;
  const EngineRun second = RunEngine(module, steps);
  ASSERT_TRUE(second.status.ok()) << second.status;
  EXPECT_EQ(second.output.btf, first.output.btf);
  EXPECT_EQ(second.output.btf_ids, first.output.btf_ids);
  EXPECT_EQ(second.output.warnings, first.output.warnings);
}

INSTANTIATE_TEST_SUITE_P(Profiles, Twice, ::testing::Values("7.2", "7.3"));

}  // namespace
}  // namespace btfd::tests
