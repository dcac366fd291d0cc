// SPDX-License-Identifier: Apache-2.0
#include "lib/engine/dedup/compare/unique_types.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "lib/btf/base.h"
#include "lib/btf/testing/builder.h"
#include "lib/engine/dedup/state.h"
#include "lib/util/arena.h"

namespace btfd::engine::dedup {
namespace {

using btf::testing::BtfBuilder;

// UniqueTypes of a standalone BTF.
class Unique {
 public:
  explicit Unique(const BtfBuilder& own)
      : btf_(btf::Btf::Parse(own.Build(), nullptr, ".BTF", &arena_).value()),
        state_(&btf_, nullptr, RulesOf(LibbpfRules::k1_8), &work_),
        fingerprints_(state_),
        unique_(state_, &fingerprints_) {
    EXPECT_TRUE(unique_.Find());
  }
  bool IsPinned(TypeId candidate, TypeId canonical,
                std::vector<TypeId>* others = nullptr) {
    std::pmr::vector<TypeId> found(&arena_);
    const bool pinned = unique_.IsPinned(candidate, canonical, &found);
    if (others != nullptr) others->assign(found.begin(), found.end());
    return pinned;
  }

 private:
  util::Arena arena_;
  util::WorkBudget work_ = util::WorkBudget::ForInput(1 << 16);
  btf::Btf btf_;
  State state_;
  SplitFingerprints fingerprints_;
  UniqueTypes unique_;
};

// struct NAME { struct NAME *next; TYPE value; }
TypeId AddNode(BtfBuilder* own, const char* name, TypeId value) {
  const TypeId next = own->next_id();
  own->Ptr(next + 1);
  return own->Struct(name, 16, {{"next", next, 0}, {"value", value, 64}});
}

TEST(UniqueTypes, AStructInACycleOfItsOwnIsPinned) {
  BtfBuilder own;
  const TypeId i = own.Int("int", 4);
  const TypeId a = AddNode(&own, "a", i);
  const TypeId b = AddNode(&own, "b", i);
  Unique unique(own);
  EXPECT_TRUE(unique.IsPinned(a, b));
}

// A proof that they are identical would never end.
TEST(UniqueTypes, CopiesThatEachHaveACycleOfTheirOwnArePinned) {
  BtfBuilder own;
  const TypeId i = own.Int("int", 4);
  const TypeId first = AddNode(&own, "a", i);
  const TypeId copy = AddNode(&own, "a", i);
  Unique unique(own);
  EXPECT_TRUE(unique.IsPinned(copy, first));
}

TEST(UniqueTypes, CopiesThatLeadIntoOneCycleAreNotPinned) {
  BtfBuilder own;
  const TypeId i = own.Int("int", 4);
  const TypeId a = AddNode(&own, "a", i);
  const TypeId p = own.Ptr(a);
  const TypeId u1 = own.Struct("u", 8, {{"m", p, 0}});
  const TypeId u2 = own.Struct("u", 8, {{"m", p, 0}});
  const TypeId other = own.Struct("other", 8, {{"m", p, 0}});
  Unique unique(own);
  EXPECT_FALSE(unique.IsPinned(u2, u1));
  EXPECT_FALSE(unique.IsPinned(u1, u2));
  EXPECT_TRUE(unique.IsPinned(other, u1));
  EXPECT_TRUE(unique.IsPinned(a, u1));
}

TEST(UniqueTypes, WhatHoldsCopiesIsACopyAsWell) {
  BtfBuilder own;
  const TypeId i = own.Int("int", 4);
  const TypeId p = own.Ptr(AddNode(&own, "a", i));
  const TypeId u1 = own.Struct("u", 8, {{"m", p, 0}});
  const TypeId u2 = own.Struct("u", 8, {{"m", p, 0}});
  const TypeId v1 = own.Struct("v", 8, {{"m", u1, 0}});
  const TypeId v2 = own.Struct("v", 8, {{"m", u2, 0}});
  const TypeId v3 = own.Struct("v", 16, {{"m", u2, 0}});
  Unique unique(own);
  EXPECT_FALSE(unique.IsPinned(v2, v1));
  EXPECT_TRUE(unique.IsPinned(v3, v1)) << "of another size";
}

TEST(UniqueTypes, OthersOfTheSameShapeAreNamed) {
  BtfBuilder own;
  const TypeId i = own.Int("int", 4);
  const TypeId one = own.Struct("s", 8, {{"p", own.Ptr(i), 0}});
  const TypeId two = own.Struct("s", 8, {{"p", own.Ptr(i), 0}});
  const TypeId three = own.Struct("s", 8, {{"p", own.Ptr(i), 0}});
  Unique unique(own);
  std::vector<TypeId> others;
  ASSERT_TRUE(unique.IsPinned(two, one, &others));
  EXPECT_EQ(others, std::vector<TypeId>{three});
}

TEST(UniqueTypes, TypesWithoutPartsAreNeverPinned) {
  BtfBuilder own;
  const TypeId one = own.Int("int", 4);
  const TypeId two = own.Int("int", 4);
  Unique unique(own);
  EXPECT_FALSE(unique.IsPinned(two, one));
}

TEST(UniqueTypes, TooManyOthersAreNotLookedThrough) {
  BtfBuilder own;
  const TypeId i = own.Int("int", 4);
  std::vector<TypeId> copies;
  for (int n = 0; n < 18; ++n) {
    copies.push_back(own.Struct("s", 8, {{"p", own.Ptr(i), 0}}));
  }
  Unique unique(own);
  EXPECT_FALSE(unique.IsPinned(copies[1], copies[0]));
}

}  // namespace
}  // namespace btfd::engine::dedup
