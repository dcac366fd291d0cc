// SPDX-License-Identifier: Apache-2.0
#include "lib/engine/relocate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "lib/btf/testing/builder.h"
#include "lib/btf/testing/dump.h"
#include "lib/util/arena.h"

namespace btfd::engine {
namespace {

using btf::TypeId;
using btf::testing::BtfBuilder;
using btf::testing::Name;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// A distilled base, a split over it and the base to move to. The test fills
// distilled first, then asks for split().
class RelocateTest : public ::testing::Test {
 protected:
  BtfBuilder& split() {
    if (split_ == nullptr) split_ = std::make_unique<BtfBuilder>(distilled_);
    return *split_;
  }

  // The relocated split as text, or why not.
  std::string Relocated() {
    auto distilled = btf::Base::Build(distilled_.Build());
    EXPECT_TRUE(distilled.ok()) << distilled.status();
    auto base = btf::Base::Build(base_.Build());
    EXPECT_TRUE(base.ok()) << base.status();
    auto btf =
        btf::Btf::Parse(split().Build(), distilled->get(), ".BTF", &arena_);
    EXPECT_TRUE(btf.ok()) << btf.status();
    const absl::Status status = Relocate(&*btf, **base);
    if (!status.ok()) {
      EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
      return std::string(status.message());
    }
    EXPECT_EQ(btf->base(), base->get());
    return btf::testing::Dump(*btf);
  }

  util::Arena arena_;
  BtfBuilder distilled_;
  std::unique_ptr<BtfBuilder> split_;
  BtfBuilder base_;
};

TEST_F(RelocateTest, IdsAndNamesMoveToThoseOfTheBase) {
  const TypeId task = distilled_.Struct("task", 64);
  const TypeId pointer = split().Ptr(task);
  // The member's name is the string of the distilled base.
  split().Struct("own", 8, {{"task", pointer, 0}});
  base_.Int("unrelated_and_longer", 4);
  base_.Struct("task", 128, {{"pid", 1, 0}});
  EXPECT_EQ(Relocated(),
            "[3] PTR '' type=2\n"
            "[4] STRUCT 'own' size=8\n"
            "    'task' type=3 offset=0\n");
}

TEST_F(RelocateTest, AnEmbeddedStructMustKeepItsSize) {
  const TypeId task = distilled_.Struct("task", 64);
  const TypeId alias =
      split().Typedef("t", split().Const(split().Array(task, 0, 2)));
  split().Struct("own", 128, {{"t", alias, 0}});
  base_.Struct("task", 128);
  EXPECT_EQ(Relocated(),
            ".BTF.base: type 1 (task) has no match in the base: type 1 there "
            "has 128 bytes instead of 64");
}

TEST_F(RelocateTest, BehindAPointerTheSizeDoesNotMatter) {
  const TypeId task = distilled_.Struct("task", 64);
  split().Struct("own", 8, {{"t", split().Ptr(task), 0}});
  base_.Struct("task", 128);
  EXPECT_THAT(Relocated(), HasSubstr("PTR '' type=1"));
}

TEST_F(RelocateTest, ANameThatTheBaseHasTwiceIsToldBySize) {
  const TypeId task = distilled_.Struct("task", 64);
  split().Ptr(task);
  base_.Struct("task", 32);
  base_.Struct("task", 64);
  EXPECT_EQ(Relocated(), "[3] PTR '' type=2\n");
  base_.Struct("task", 64);
  EXPECT_EQ(Relocated(),
            ".BTF.base: type 1 (task) matches the types 2 and 3 of the base");
}

TEST_F(RelocateTest, IntegersAreToldByTheirEncoding) {
  const TypeId flag = distilled_.Int("flag", 1, BtfBuilder::kBool);
  split().Ptr(flag);
  base_.Int("flag", 1, BtfBuilder::kChar);
  base_.Int("flag", 1, BtfBuilder::kBool);
  EXPECT_EQ(Relocated(), "[3] PTR '' type=2\n");
}

TEST_F(RelocateTest, AnEnumMatchesAnEnum64OfItsSize) {
  const TypeId state = distilled_.Enum("state", 8);
  split().Ptr(state);
  base_.Enum("state", 4);
  base_.Enum64("state", 8);
  EXPECT_EQ(Relocated(), "[3] PTR '' type=2\n");
}

TEST_F(RelocateTest, AForwardIsToldByTheBitfieldFlag) {
  const TypeId fwd = distilled_.Fwd("ops");
  split().Ptr(fwd);
  base_.Struct("ops", 8, {{"bits", 0, 0, 3}});
  const std::string other_kind =
      ".BTF.base: type 1 (ops) has no match in the base: type 1 there is of "
      "another kind";
  EXPECT_EQ(Relocated(), other_kind);
  base_.Union("ops", 8, {{"bits", 0, 0, 3}});
  // Two of a name: now sizes count, and a forward has none.
  EXPECT_EQ(Relocated(), other_kind);
}

TEST_F(RelocateTest, ATypeThatIsGoneIsNamedEvenIfUnused) {
  distilled_.Struct("gone", 8);
  split().Ptr(0);
  base_.Int("int", 4);
  EXPECT_EQ(Relocated(),
            ".BTF.base: type 1 (gone) has no match in the base: no type there "
            "has that name");
}

TEST_F(RelocateTest, WhatADistilledBaseMustNotHaveIsRefused) {
  distilled_.Ptr(0);
  base_.Int("int", 4);
  EXPECT_EQ(Relocated(),
            ".BTF.base: type 1 is of kind 2, which a distilled base cannot "
            "have");
}

TEST_F(RelocateTest, ATypeOfADistilledBaseHasAName) {
  distilled_.Struct("", 8);
  base_.Int("int", 4);
  EXPECT_EQ(Relocated(), ".BTF.base: type 1 has no name");
}

TEST_F(RelocateTest, AStringThatIsNoTypesNameIsRefused) {
  distilled_.Struct("task", 8);
  const uint32_t middle = distilled_.String("task") + 1;
  split().Typedef(Name::At(middle), 0);
  base_.Struct("task", 8);
  EXPECT_THAT(Relocated(), StartsWith(".BTF: type 2 uses a string of"));
}

TEST_F(RelocateTest, AnEmptyNameInTheBaseIsNoPlaceToGo) {
  distilled_.Struct("task", 8);
  split().Ptr(0);
  base_.Struct("task", 8);
  base_.Fwd(Name::At(base_.AppendString("")));
  EXPECT_EQ(Relocated(),
            "base: type 2 has an empty name, and cannot be relocated to");
}

TEST_F(RelocateTest, ACycleOfTypedefsEnds) {
  distilled_.Struct("task", 8);
  const TypeId loop = split().Typedef("loop", split().next_id());
  split().Struct("own", 8, {{"m", loop, 0}});
  base_.Struct("task", 8);
  EXPECT_EQ(Relocated(),
            ".BTF: a member of type 3 is a cycle of modifiers, arrays and "
            "typedefs");
}

TEST_F(RelocateTest, AStandaloneBtfHasNothingToBeRelocatedFrom) {
  base_.Int("int", 4);
  auto base = btf::Base::Build(base_.Build());
  ASSERT_TRUE(base.ok());
  auto btf = btf::Btf::Parse(base_.Build(), nullptr, ".BTF", &arena_);
  ASSERT_TRUE(btf.ok());
  const absl::Status status = Relocate(&*btf, **base);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("no distilled base"));
}

}  // namespace
}  // namespace btfd::engine
