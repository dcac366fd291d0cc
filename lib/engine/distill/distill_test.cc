// SPDX-License-Identifier: Apache-2.0
#include "lib/engine/distill/distill.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "lib/btf/base.h"
#include "lib/btf/testing/builder.h"
#include "lib/btf/testing/dump.h"
#include "lib/util/arena.h"

namespace btfd::engine {
namespace {

using btf::TypeId;
using btf::testing::BtfBuilder;
using btf::testing::Dump;
using ::testing::HasSubstr;

class DistillTest : public ::testing::Test {
 protected:
  // Runs over base_ and split, which the test has filled.
  absl::Status Run(const BtfBuilder& split, bool sorted = false) {
    auto base = btf::Base::Build(base_.Build());
    if (!base.ok()) return base.status();
    auto source = btf::Btf::Parse(split.Build(), base->get(), ".BTF", &arena_);
    if (!source.ok()) return source.status();
    std::optional<btf::Btf> new_base;
    std::optional<btf::Btf> new_split;
    const absl::Status status =
        Distill(*source, hdr_len_, sorted, &new_base, &new_split);
    if (!status.ok()) return status;
    new_base->Serialize(&new_base_);
    new_split->Serialize(&new_split_);
    base_text_ = Dump(*new_base);
    split_text_ = Dump(*new_split);
    return status;
  }

  util::Arena arena_;
  uint32_t hdr_len_ = 32;
  BtfBuilder base_;
  std::string new_base_;
  std::string new_split_;
  std::string base_text_;
  std::string split_text_;
};

TEST_F(DistillTest, NamedTypesOfTheBaseLoseTheirContent) {
  const TypeId i32 = base_.Int("int", 4);
  const TypeId task = base_.Struct("task", 64, {{"pid", i32, 0}});
  const TypeId state = base_.Enum64("state", 8, {{"RUNNING", 1}}, true);
  const TypeId fwd = base_.Fwd("ops", /*is_union=*/true);
  BtfBuilder split(base_);
  split.Struct("own", 16, {{"t", task, 0}, {"s", state, 0}, {"o", fwd, 64}});
  ASSERT_TRUE(Run(split).ok());
  // task's member alone does not bring in int.
  EXPECT_EQ(base_text_,
            "[1] STRUCT 'task' size=64\n"
            "[2] ENUM 'state' size=8\n"
            "[3] FWD 'ops' type=0 kflag\n");
  EXPECT_EQ(split_text_,
            "[4] STRUCT 'own' size=16\n"
            "    't' type=1 offset=0\n"
            "    's' type=2 offset=0\n"
            "    'o' type=3 offset=64\n");
}

TEST_F(DistillTest, NamelessTypesMoveToTheSplitInFull) {
  const TypeId i32 = base_.Int("int", 4);
  const TypeId hidden = base_.Struct("", 8, {{"a", i32, 0}});
  const TypeId pointer = base_.Ptr(hidden);
  const TypeId proto = base_.Proto(i32, {{"arg", pointer}});
  const TypeId array = base_.Array(proto, i32, 4);
  BtfBuilder split(base_);
  split.Typedef("own_t", array);
  ASSERT_TRUE(Run(split).ok());
  EXPECT_EQ(base_text_, "[1] INT 'int' size=4 encoding=0x1000020\n");
  EXPECT_EQ(split_text_,
            "[2] TYPEDEF 'own_t' type=6\n"
            "[3] STRUCT '' size=8\n"
            "    'a' type=1 offset=0\n"
            "[4] PTR '' type=3\n"
            "[5] FUNC_PROTO '' type=1\n"
            "    'arg' type=4\n"
            "[6] ARRAY '' size=0 element=5 index=1 count=4\n");
}

TEST_F(DistillTest, SortedLaysOutByNameAtOnce) {
  const TypeId i32 = base_.Int("int", 4);
  const TypeId pointer = base_.Ptr(i32);
  const TypeId alias = base_.Typedef("a_alias", pointer);
  BtfBuilder split(base_);
  split.Struct("z", 8, {{"m", alias, 0}});
  split.Const(alias);
  ASSERT_TRUE(Run(split, /*sorted=*/true).ok());
  EXPECT_EQ(split_text_,
            "[2] CONST '' type=4\n"
            "[3] PTR '' type=1\n"
            "[4] TYPEDEF 'a_alias' type=3\n"
            "[5] STRUCT 'z' size=8\n"
            "    'm' type=4 offset=0\n");
}

TEST_F(DistillTest, TextsAreSharedWhateverTheirOffset) {
  base_.ShareStrings(false);
  const TypeId first = base_.Struct("twin", 4);
  const TypeId second = base_.Struct("twin", 8);
  BtfBuilder split(base_);
  split.ShareStrings(false);
  split.Struct("twin", 16, {{"twin", first, 0}, {"own", second, 64}});
  split.Typedef("own", 0);
  ASSERT_TRUE(Run(split).ok());
  EXPECT_EQ(base_text_, "[1] STRUCT 'twin' size=4\n[2] STRUCT 'twin' size=8\n");
  EXPECT_EQ(new_base_.substr(32 + 2 * 12), std::string("\0twin\0", 6));
  EXPECT_EQ(new_split_.substr(new_split_.size() - 4), std::string("own\0", 4));
}

TEST_F(DistillTest, UnusedStringsVanishAndSuffixesBecomeWhole) {
  base_.Int("int", 4);
  BtfBuilder split(base_);
  const uint32_t whole = split.AppendString("unused_prefix");
  split.AppendString("never used");
  split.Typedef(btf::testing::Name::At(whole + 7), 1);
  ASSERT_TRUE(Run(split).ok());
  EXPECT_EQ(new_split_.substr(32 + 12), std::string("prefix\0", 7));
}

TEST_F(DistillTest, AnEmptyTextBecomesNoName) {
  const uint32_t empty = base_.AppendString("");
  const TypeId odd = base_.Struct(btf::testing::Name::At(empty), 4);
  BtfBuilder split(base_);
  split.Ptr(odd);
  ASSERT_TRUE(Run(split).ok());
  EXPECT_EQ(base_text_, "[1] STRUCT '' size=4\n");
}

TEST_F(DistillTest, NothingForTheBaseLeavesOldIdsBehind) {
  const TypeId nameless = base_.Const(0);
  base_.Ptr(0);
  BtfBuilder split(base_);
  split.Ptr(nameless);
  ASSERT_TRUE(Run(split).ok());
  EXPECT_EQ(new_base_.size(), 33u);
  EXPECT_EQ(split_text_, "[1] PTR '' type=1\n");
}

TEST_F(DistillTest, AnOldIdThatIsNoIdOfTheSplitCannotBeSorted) {
  base_.Ptr(0);
  const TypeId nameless = base_.Const(0);
  BtfBuilder split(base_);
  split.Ptr(nameless);
  EXPECT_TRUE(Run(split, /*sorted=*/false).ok());
  const absl::Status status = Run(split, /*sorted=*/true);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(
      std::string(status.message()),
      HasSubstr(".BTF: refers to type 2 of the base, but to none that"));
}

TEST_F(DistillTest, AnEmptySplitGivesTwoEmptyBtfs) {
  base_.Int("int", 4);
  hdr_len_ = 24;
  ASSERT_TRUE(Run(BtfBuilder(base_)).ok());
  EXPECT_EQ(new_base_.size(), 25u);
  EXPECT_EQ(new_split_.size(), 24u);
}

TEST_F(DistillTest, OutputHasTheSplitsByteOrder) {
  const TypeId i32 = base_.Int("int", 4);
  BtfBuilder split(base_);
  split.Ptr(i32);
  split.form().big_endian = true;
  ASSERT_TRUE(Run(split).ok());
  EXPECT_EQ(new_base_.substr(0, 2), "\xeb\x9f");
  EXPECT_EQ(new_split_.substr(0, 2), "\xeb\x9f");
}

TEST_F(DistillTest, KindsThatAreNotDistilledAreRefused) {
  const TypeId proto = base_.Proto(0);
  const TypeId func = base_.Func("fn", proto);
  BtfBuilder split(base_);
  split.DeclTag("bpf_kfunc", func);
  const absl::Status status = Run(split);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(std::string(status.message()),
            absl::StrCat(".BTF: refers to type ", func,
                         " of the base, whose kind, 12, has no place in a "
                         "distilled base"));
}

TEST_F(DistillTest, AnEnumOfOddSizeIsRefused) {
  const TypeId odd = base_.Enum("odd", 3);
  BtfBuilder split(base_);
  split.Ptr(odd);
  const absl::Status status = Run(split);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(
      std::string(status.message()),
      HasSubstr("enum odd (type 1 of the base), whose size of 3 bytes"));
}

TEST_F(DistillTest, AStandaloneBtfCannotBeDistilled) {
  auto btf = btf::Btf::Parse(base_.Build(), nullptr, ".BTF", &arena_);
  ASSERT_TRUE(btf.ok());
  std::optional<btf::Btf> new_base;
  std::optional<btf::Btf> new_split;
  const absl::Status status =
      Distill(*btf, 32, /*sorted=*/true, &new_base, &new_split);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("no base to distill"));
}

}  // namespace
}  // namespace btfd::engine
