// SPDX-License-Identifier: Apache-2.0
#include "lib/engine/resolve.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lib/btf/base.h"
#include "lib/btf/testing/builder.h"
#include "lib/engine/distill/distill.h"
#include "lib/engine/testing/ids_builder.h"
#include "lib/util/arena.h"

namespace btfd::engine {
namespace {

using btf::TypeId;
using btf::testing::BtfBuilder;
using ::testing::ElementsAre;
using testing::IdsBuilder;
using ::testing::IsEmpty;

class ResolveTest : public ::testing::Test {
 protected:
  ResolveTest() {
    base_.Int("int", 4);               // 1
    base_.Struct("foo", 4);            // 2
    base_.Union("foo", 4);             // 3
    base_.Struct("foo", 8);            // 4
    base_.Func("fn", base_.Proto(0));  // 6
    base_.Typedef("t", 1);             // 7
  }

  // The id that each symbol of a kind finds, in the order of the calls.
  void Resolve(const BtfBuilder& split, const IdsBuilder& ids) {
    section_ = ids.Build();
    auto base = btf::Base::Build(base_.Build());
    ASSERT_TRUE(base.ok());
    auto btf = btf::Btf::Parse(split.Build(), base->get(), ".BTF", &arena_);
    ASSERT_TRUE(btf.ok()) << btf.status();
    ids_.emplace(*BtfIds::Parse(section_, &arena_));
    warnings_.clear();
    ResolveNames(*btf, &*ids_, &warnings_);
    base_holder_ = *base;
  }
  TypeId IdOf(IdKind kind, const std::string& name) {
    return ids_->Find(kind, name)->id;
  }

  util::Arena arena_;
  BtfBuilder base_;
  std::shared_ptr<const btf::Base> base_holder_;
  IdsSection section_;
  std::optional<BtfIds> ids_;
  std::vector<std::string> warnings_;
};

TEST_F(ResolveTest, KindAndNameTogetherDecide) {
  BtfBuilder split(base_);
  const TypeId own = split.Func("own", split.Proto(0));
  Resolve(split, IdsBuilder()
                     .Single("union", "foo")
                     .Single("func", "fn")
                     .Single("func", "own")
                     .Single("typedef", "t")
                     .Single("struct", "t"));
  EXPECT_EQ(IdOf(IdKind::kUnion, "foo"), 3u);
  EXPECT_EQ(IdOf(IdKind::kFunc, "fn"), 6u);
  EXPECT_EQ(IdOf(IdKind::kFunc, "own"), own);
  EXPECT_EQ(IdOf(IdKind::kTypedef, "t"), 7u);
  EXPECT_EQ(IdOf(IdKind::kStruct, "t"), 0u);
}

TEST_F(ResolveTest, ATypeOfTheBaseHidesTheModules) {
  BtfBuilder split(base_);
  split.Func("fn", split.Proto(0));
  Resolve(split, IdsBuilder().Single("func", "fn"));
  EXPECT_EQ(IdOf(IdKind::kFunc, "fn"), 6u);
  // All symbols of the kind were resolved before the second one was met.
  EXPECT_THAT(warnings_, IsEmpty());
}

TEST_F(ResolveTest, DuplicatesAreToldWhileSomethingIsLeftToResolve) {
  BtfBuilder split(base_);
  const TypeId third = split.Struct("foo", 2);
  Resolve(split, IdsBuilder().Single("struct", "foo").Single("struct", "gone"));
  EXPECT_EQ(IdOf(IdKind::kStruct, "foo"), 2u);
  EXPECT_EQ(third, 8u);
  EXPECT_THAT(
      warnings_,
      ElementsAre("WARN: multiple IDs found for 'foo': 2, 4 - using 2",
                  "WARN: multiple IDs found for 'foo': 2, 8 - using 2"));
}

TEST_F(ResolveTest, TwoSymbolsOfOneNameLeaveOneUnresolvedForever) {
  Resolve(BtfBuilder(base_),
          IdsBuilder().Single("struct", "foo").Single("struct", "foo"));
  EXPECT_THAT(
      warnings_,
      ElementsAre("WARN: multiple IDs found for 'foo': 2, 4 - using 2"));
}

TEST_F(ResolveTest, WarningsComeInTheOrderOfIds) {
  base_.Struct("bar", 4);  // 8
  base_.Struct("bar", 4);  // 9
  base_.Struct("foo", 4);  // 10
  Resolve(BtfBuilder(base_), IdsBuilder()
                                 .Single("struct", "foo")
                                 .Single("struct", "bar")
                                 .Single("struct", "gone"));
  EXPECT_THAT(
      warnings_,
      ElementsAre("WARN: multiple IDs found for 'foo': 2, 4 - using 2",
                  "WARN: multiple IDs found for 'bar': 8, 9 - using 8",
                  "WARN: multiple IDs found for 'foo': 2, 10 - using 2"));
}

TEST_F(ResolveTest, NoNameFindsTheFirstAnonymousType) {
  base_.Struct("", 4);  // 8
  Resolve(BtfBuilder(base_), IdsBuilder().Single("struct", ""));
  EXPECT_EQ(IdOf(IdKind::kStruct, ""), 8u);
}

TEST_F(ResolveTest, OverADistilledBaseItsTypesCountFirst) {
  BtfBuilder split(base_);
  split.Ptr(2);
  split.Func("own", split.Proto(0));
  auto base = btf::Base::Build(base_.Build());
  ASSERT_TRUE(base.ok());
  auto btf = btf::Btf::Parse(split.Build(), base->get(), ".BTF", &arena_);
  ASSERT_TRUE(btf.ok());
  std::optional<btf::Btf> new_base;
  std::optional<btf::Btf> new_split;
  ASSERT_TRUE(Distill(*btf, 32, /*sorted=*/true, &new_base, &new_split).ok());
  section_ = IdsBuilder()
                 .Single("struct", "foo")
                 .Single("func", "fn")
                 .Single("func", "own")
                 .Build();
  ids_.emplace(*BtfIds::Parse(section_, &arena_));
  ResolveNames(*new_split, &*ids_, &warnings_);
  EXPECT_EQ(IdOf(IdKind::kStruct, "foo"), 1u);
  EXPECT_EQ(IdOf(IdKind::kFunc, "fn"), 0u);
  EXPECT_EQ(IdOf(IdKind::kFunc, "own"), 4u);
}

}  // namespace
}  // namespace btfd::engine
