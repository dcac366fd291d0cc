// SPDX-License-Identifier: Apache-2.0
//
// One test for each rule of dedup, told by what stands for what afterwards.
// Whether all of it together equals libbpf is for tests/differential/dedup.
#include "lib/engine/dedup/dedup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "lib/btf/base.h"
#include "lib/btf/testing/builder.h"
#include "lib/util/arena.h"

namespace btfd::engine {
namespace {

using btf::Kind;
using btf::TypeId;
using btf::testing::BtfBuilder;
using ::testing::HasSubstr;

// The result of deduplicating a split (or, without a base, a standalone BTF).
class Deduplicated {
 public:
  explicit Deduplicated(const BtfBuilder& own) : Deduplicated(nullptr, own) {}
  Deduplicated(const BtfBuilder& base, const BtfBuilder& split)
      : Deduplicated(&base, split) {}

  const absl::Status& status() const { return status_; }
  // What stands for an own type now.
  TypeId operator[](TypeId old_id) const { return new_ids_[old_id - first_]; }
  const btf::Btf& btf() const { return *btf_; }
  uint32_t kept() const { return btf_->own_count(); }

 private:
  Deduplicated(const BtfBuilder* base, const BtfBuilder& own)
      : new_ids_(&arena_), first_(own.first_id()) {
    if (base != nullptr) {
      base_ = btf::Base::Build(base->Build()).value();
      index_ = btf::DedupIndex::Build(*base_).value();
    }
    btf_ = std::make_unique<btf::Btf>(
        btf::Btf::Parse(own.Build(), base_.get(), ".BTF", &arena_).value());
    status_ = Dedup(btf_.get(), index_.get(), &new_ids_);
  }

  util::Arena arena_;
  std::shared_ptr<const btf::Base> base_;
  std::shared_ptr<const btf::DedupIndex> index_;
  std::unique_ptr<btf::Btf> btf_;
  std::pmr::vector<TypeId> new_ids_;
  TypeId first_;
  absl::Status status_;
};

TEST(Dedup, EmptySplitStaysEmpty) {
  BtfBuilder base;
  base.Int("int", 4);
  BtfBuilder split(base);
  Deduplicated result(base, split);
  ASSERT_TRUE(result.status().ok()) << result.status();
  EXPECT_EQ(result.kept(), 0u);
}

TEST(Dedup, IntOfTheBaseStandsForAnEqualOne) {
  BtfBuilder base;
  const TypeId base_int = base.Int("int", 4);
  BtfBuilder split(base);
  const TypeId same = split.Int("int", 4);
  const TypeId other_size = split.Int("int", 8);
  Deduplicated result(base, split);
  EXPECT_EQ(result[same], base_int);
  EXPECT_EQ(result[other_size], split.first_id());
}

TEST(Dedup, StringsAreSharedWithTheBaseAndWrittenOnceInOrderOfUse) {
  BtfBuilder base;
  base.Int("int", 4);
  BtfBuilder split(base);
  split.ShareStrings(false);
  split.raw_strings() += std::string("unused\0", 7);
  split.Struct("zebra", 4, {{"int", 1, 0}, {"ape", 1, 0}});
  split.Struct("ape", 4, {{"zebra", 1, 0}});
  Deduplicated result(base, split);
  ASSERT_TRUE(result.status().ok()) << result.status();
  EXPECT_EQ(result.btf().own_strings(), absl::string_view("zebra\0ape\0", 10));
  const auto& zebra = result.btf().type(split.first_id());
  EXPECT_LT(zebra.members()[0].name_off, result.btf().parent().str_len);
}

TEST(Dedup, NamesAreComparedByOffsetSoTheBasesSecondCopyDiffers) {
  BtfBuilder base;
  base.ShareStrings(false);
  base.Struct("first", 1);
  base.Int("int", 4);
  const TypeId second_copy = base.Int("int", 4);
  BtfBuilder split(base);
  split.ShareStrings(false);
  const TypeId own = split.Int("int", 4);
  Deduplicated result(base, split);
  EXPECT_NE(result[own], second_copy);
}

TEST(Dedup, EmptyEnumTakesAnEnumOfItsNameWhateverItsKind) {
  BtfBuilder base;
  const TypeId full = base.Enum64("e", 8, {{"one", 1}});
  BtfBuilder split(base);
  const TypeId empty = split.Enum("e", 4);
  Deduplicated result(base, split);
  EXPECT_EQ(result[empty], full);
}

TEST(Dedup, FullEnumTakesOverAnEmptyOneOfTheBase) {
  BtfBuilder base;
  const TypeId empty = base.Enum("e", 4);
  const TypeId base_ptr = base.Ptr(empty);
  BtfBuilder split(base);
  const TypeId full = split.Enum("e", 4, {{"one", 1}});
  const TypeId ptr = split.Ptr(empty);
  Deduplicated result(base, split);
  EXPECT_EQ(result[full], split.first_id());
  EXPECT_NE(result[ptr], base_ptr);  // it leads to the full one now
  EXPECT_EQ(result.btf().type(result[ptr]).size_or_type, result[full]);
}

TEST(Dedup, StructOfTheBaseStandsForAnEqualGraph) {
  BtfBuilder base;
  const TypeId list = base.next_id() + 1;
  base.Ptr(list);
  base.Struct("list", 8, {{"next", list - 1, 0}});
  BtfBuilder split(base);
  const TypeId own = split.next_id() + 1;
  split.Ptr(own);
  split.Struct("list", 8, {{"next", own - 1, 0}});
  Deduplicated result(base, split);
  EXPECT_EQ(result[own], list);
  EXPECT_EQ(result.kept(), 0u);
}

TEST(Dedup, MemberOfAnotherTypeKeepsStructsApart) {
  BtfBuilder base;
  const TypeId i = base.Int("int", 4);
  base.Struct("s", 4, {{"m", i, 0}});
  BtfBuilder split(base);
  const TypeId u = split.Int("unsigned", 4, 0);
  const TypeId own = split.Struct("s", 4, {{"m", u, 0}});
  Deduplicated result(base, split);
  EXPECT_TRUE(result.btf().is_own(result[own]));
}

TEST(Dedup, ForwardInAnEqualStructIsResolved) {
  BtfBuilder own;
  const TypeId i = own.Int("int", 4);
  const TypeId foo = own.Struct("foo", 4, {{"x", i, 0}});
  const TypeId holder = own.Struct("holder", 8, {{"p", own.Ptr(foo), 0}});
  const TypeId forward = own.Fwd("foo");
  const TypeId holder2 = own.Struct("holder", 8, {{"p", own.Ptr(forward), 0}});
  Deduplicated result(own);
  EXPECT_EQ(result[holder2], result[holder]);
  EXPECT_EQ(result[forward], result[foo]);
}

TEST(Dedup, ForwardOfTheBaseIsNotCompletedInThePlaceOfTheBase) {
  BtfBuilder base;
  const TypeId forward = base.Fwd("foo");
  const TypeId base_holder =
      base.Struct("holder", 8, {{"p", base.Ptr(forward), 0}});
  BtfBuilder split(base);
  const TypeId foo = split.Struct("foo", 8);
  const TypeId holder = split.Struct("holder", 8, {{"p", split.Ptr(foo), 0}});
  Deduplicated result(base, split);
  EXPECT_NE(result[holder], base_holder);
  EXPECT_TRUE(result.btf().is_own(result[foo]));
}

TEST(Dedup, LeftoverForwardResolvesToTheOnlyStructOfItsName) {
  BtfBuilder base;
  const TypeId foo = base.Struct("foo", 4);
  base.Struct("twice", 4);
  base.Struct("twice", 8);
  BtfBuilder split(base);
  const TypeId one = split.Fwd("foo");
  const TypeId two = split.Fwd("twice");
  const TypeId as_union = split.Fwd("foo", true);
  Deduplicated result(base, split);
  EXPECT_EQ(result[one], foo);
  EXPECT_TRUE(result.btf().is_own(result[two]));
  EXPECT_TRUE(result.btf().is_own(result[as_union]));
}

TEST(Dedup, AnonymousForwardResolvesLikeANamedOne) {
  BtfBuilder base;
  const TypeId anonymous = base.Struct("", 4);
  BtfBuilder split(base);
  const TypeId forward = split.Fwd("");
  Deduplicated result(base, split);
  EXPECT_EQ(result[forward], anonymous);
}

TEST(Dedup, ArraysOfEqualLengthPassForIdenticalWhateverTheirElements) {
  BtfBuilder own;
  const TypeId i = own.Int("int", 4);
  const TypeId u = own.Int("unsigned", 4, 0);
  const TypeId shared = own.Array(i, i, 2);
  own.Struct("s", 16, {{"a", shared, 0}, {"b", shared, 64}});
  const TypeId mixed = own.Struct(
      "s", 16, {{"a", own.Array(i, i, 2), 0}, {"b", own.Array(u, i, 2), 64}});
  Deduplicated result(own);
  ASSERT_TRUE(result.status().ok()) << result.status();
  EXPECT_EQ(result[mixed], result[mixed - 3]);  // upstream's defect, kept
}

// `depth` structs, each in the one before, three times over. One "user" holds
// the first copy twice, an equal one the second and the third. They are written
// before the copies, which would otherwise be merged by then.
bool CopiesOfThatDepthPass(int depth) {
  BtfBuilder own;
  const TypeId i = own.Int("int", 4);
  const TypeId user = own.next_id();
  const TypeId one = user + 2;
  const TypeId two = one + depth;
  const TypeId three = two + depth;
  own.Struct("user", 8, {{"a", one, 0}, {"b", one, 32}});
  own.Struct("user", 8, {{"a", two, 0}, {"b", three, 32}});
  for (const TypeId start : {one, two, three}) {
    for (int n = 0; n < depth; ++n) {
      const TypeId inner = n + 1 < depth ? start + n + 1 : i;
      own.Struct("level" + std::to_string(n), 4, {{"m", inner, 0}});
    }
  }
  Deduplicated result(own);
  EXPECT_TRUE(result.status().ok()) << result.status();
  return result[user + 1] == result[user];
}

TEST(Dedup, CopiesPassForIdenticalDownToSixteenLevels) {
  EXPECT_TRUE(CopiesOfThatDepthPass(1));
  EXPECT_TRUE(CopiesOfThatDepthPass(16));
  EXPECT_FALSE(CopiesOfThatDepthPass(17));
}

TEST(Dedup, ReferencesToMergedTypesAreMergedInTurn) {
  BtfBuilder base;
  const TypeId i = base.Int("int", 4);
  const TypeId base_const = base.Const(i);
  const TypeId base_ptr = base.Ptr(base_const);
  const TypeId base_proto = base.Proto(base_ptr, {{"p", base_const}});
  BtfBuilder split(base);
  const TypeId own_int = split.Int("int", 4);
  const TypeId own_const = split.Const(own_int);
  const TypeId own_ptr = split.Ptr(own_const);
  const TypeId own_proto = split.Proto(own_ptr, {{"p", own_const}});
  Deduplicated result(base, split);
  EXPECT_EQ(result[own_ptr], base_ptr);
  EXPECT_EQ(result[own_proto], base_proto);
  EXPECT_EQ(result.kept(), 0u);
}

TEST(Dedup, DeclTagsOfTheSameFunctionMergeAndAttributesStayApart) {
  BtfBuilder base;
  const TypeId func = base.Func("f", base.Proto(0));
  BtfBuilder split(base);
  const TypeId one = split.DeclTag("bpf_kfunc", func);
  const TypeId two = split.DeclTag("bpf_kfunc", func);
  const TypeId attribute = split.DeclTag("bpf_kfunc", func, -1, true);
  Deduplicated result(base, split);
  EXPECT_EQ(result[one], result[two]);
  EXPECT_NE(result[attribute], result[one]);
}

TEST(Dedup, VariablesAreNeverMerged) {
  BtfBuilder own;
  const TypeId i = own.Int("int", 4);
  const TypeId one = own.Var("v", i);
  const TypeId two = own.Var("v", i);
  Deduplicated result(own);
  EXPECT_NE(result[one], result[two]);
}

TEST(Dedup, PointerLoopIsRefused) {
  BtfBuilder own;
  own.Ptr(own.next_id() + 1);
  own.Ptr(1);
  const Deduplicated result(own);
  EXPECT_EQ(result.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(result.status().message()),
              HasSubstr("cycle of references without a struct"));
}

TEST(Dedup, TypedefOfItselfIsFine) {
  BtfBuilder own;
  own.Typedef("t", own.next_id());
  const Deduplicated result(own);
  EXPECT_TRUE(result.status().ok()) << result.status();
}

TEST(Dedup, CopiesOfATypedefLoopMerge) {
  BtfBuilder own;
  const TypeId loop1 = own.Typedef("t", own.next_id());
  const TypeId loop2 = own.Typedef("t", own.next_id());
  const TypeId ptr1 = own.Ptr(loop1);
  const TypeId ptr2 = own.Ptr(loop2);
  own.Struct("s", 16, {{"a", ptr1, 0}, {"b", ptr1, 64}});
  own.Struct("s", 16, {{"a", ptr1, 0}, {"b", ptr2, 64}});
  const Deduplicated result(own);
  ASSERT_TRUE(result.status().ok()) << result.status();
  EXPECT_EQ(result[loop2], result[loop1]);
  EXPECT_EQ(result[ptr2], result[ptr1]);
  EXPECT_EQ(result.kept(), 3u) << "one typedef, one pointer, one struct";
}

TEST(Dedup, StructThatLeadsToAVariableIsRefused) {
  BtfBuilder own;
  const TypeId i = own.Int("int", 4);
  const TypeId v1 = own.Var("v", i);
  const TypeId v2 = own.Var("v", i);
  own.Struct("s", 8, {{"p", own.Ptr(v1), 0}});
  own.Struct("s", 8, {{"p", own.Ptr(v2), 0}});
  const Deduplicated result(own);
  EXPECT_EQ(result.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(result.status().message()),
              HasSubstr("VAR, DATASEC or DECL_TAG"));
}

TEST(Dedup, UnknownHeaderContentIsRefused) {
  BtfBuilder own;
  own.Int("int", 4);
  own.form().hdr_len = 36;
  own.form().header_extra = std::string("\1\0\0\0", 4);
  const Deduplicated result(own);
  EXPECT_EQ(result.status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST(Dedup, IndexIsNeededJustWhereThereIsABase) {
  BtfBuilder raw;
  raw.Int("int", 4);
  const auto base = btf::Base::Build(raw.Build()).value();
  util::Arena arena;
  auto split =
      btf::Btf::Parse(BtfBuilder(raw).Build(), base.get(), ".BTF", &arena)
          .value();
  const absl::Status status = Dedup(&split, nullptr);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("candidates are missing"));
}

// Nested deeper than any stack of calls would bear.
TEST(Dedup, DeepNestingNeedsNoDeepStack) {
  constexpr int kDepth = 300000;
  BtfBuilder own;
  for (const char* name : {"deep", "deep"}) {
    const TypeId first = own.next_id();
    for (int n = 0; n < kDepth; ++n) own.Ptr(first + n + 1);
    own.Struct(name, 4);
    own.Struct("holder", 8, {{"p", first, 0}});
  }
  const Deduplicated result(own);
  ASSERT_TRUE(result.status().ok()) << result.status();
  EXPECT_EQ(result.kept(), kDepth + 2u);
}

}  // namespace
}  // namespace btfd::engine
