// SPDX-License-Identifier: Apache-2.0
#include "lib/engine/sort.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "lib/btf/base.h"
#include "lib/btf/testing/builder.h"
#include "lib/btf/testing/dump.h"
#include "lib/util/arena.h"

namespace btfd::engine {
namespace {

using btf::TypeId;
using btf::testing::BtfBuilder;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<uint32_t> PlacesOf(const std::vector<std::string>& names) {
  util::Arena arena;
  NameOrder order(names.size(), &arena);
  for (const std::string& name : names) {
    order.Add(name.c_str(), name.c_str() + name.size() + 1);
  }
  const auto places = order.Finish();
  return {places.begin(), places.end()};
}

std::string SortedText(const BtfBuilder& builder,
                       const btf::Base* base = nullptr) {
  util::Arena arena;
  auto btf = btf::Btf::Parse(builder.Build(), base, ".BTF", &arena);
  EXPECT_TRUE(btf.ok()) << btf.status();
  const absl::Status sorted = SortByName(&*btf);
  EXPECT_TRUE(sorted.ok()) << sorted;
  return btf::testing::Dump(*btf);
}

TEST(NameOrder, AnonymousComeFirstInTheirOldOrder) {
  EXPECT_THAT(PlacesOf({"b", "", "a", ""}), ElementsAre(3, 0, 2, 1));
}

TEST(NameOrder, EqualNamesKeepTheirOrder) {
  EXPECT_THAT(PlacesOf({"x", "same_long_name", "same_long_name", "a"}),
              ElementsAre(3, 1, 2, 0));
}

TEST(NameOrder, APrefixGoesBeforeTheLongerName) {
  EXPECT_THAT(PlacesOf({"eightchr_more", "eightchr", "eight", "eightchr_mor"}),
              ElementsAre(3, 1, 0, 2));
}

TEST(NameOrder, BytesAboveAsciiAreUnsigned) {
  EXPECT_THAT(PlacesOf({"\xff", "z", "eightchr\x80", "eightchrz"}),
              ElementsAre(3, 2, 1, 0));
}

TEST(NameOrder, ThreeRunsAreSortedAsWellAsTwo) {
  EXPECT_THAT(PlacesOf({"m", "n", "a", "z", "b", "c"}),
              ElementsAre(3, 4, 0, 5, 1, 2));
  EXPECT_THAT(PlacesOf({"m", "n", "a", "m", "z"}), ElementsAre(1, 3, 0, 2, 4));
}

TEST(Sort, IdsFollowTheTypes) {
  BtfBuilder builder;
  const TypeId name = builder.Typedef("z", 0);
  builder.Ptr(name);
  builder.Int("a", 4);
  EXPECT_THAT(SortedText(builder), HasSubstr("[1] PTR '' type=3"));
}

TEST(Sort, ANameOffsetOfAnEmptyTextCountsAsAnonymous) {
  BtfBuilder builder;
  builder.Int("a", 4);
  const uint32_t empty = builder.AppendString("");
  builder.Fwd(btf::testing::Name::At(empty));
  EXPECT_THAT(SortedText(builder), HasSubstr("[2] INT 'a'"));
}

TEST(Sort, OnlyOwnTypesMoveAndTheirNamesMayLieInTheBase) {
  BtfBuilder base_builder;
  const TypeId base_int = base_builder.Int("zzz", 4);
  base_builder.Int("aaa", 4);
  auto base = btf::Base::Build(base_builder.Build());
  ASSERT_TRUE(base.ok());
  BtfBuilder split(base_builder);
  split.Typedef("zzz", base_int);
  split.Typedef("aaa", base_int);
  const std::string text = SortedText(split, base->get());
  EXPECT_THAT(text, HasSubstr("[3] TYPEDEF 'aaa' type=1"));
  EXPECT_THAT(text, HasSubstr("[4] TYPEDEF 'zzz' type=1"));
}

TEST(Sort, AnEmptySplitStaysEmpty) {
  auto base = btf::Base::Build(BtfBuilder().Build());
  ASSERT_TRUE(base.ok());
  EXPECT_EQ(SortedText(BtfBuilder(**base), base->get()), "");
}

TEST(Sort, RefusesWhatItMustNotRewrite) {
  BtfBuilder builder;
  builder.Int("a", 4);
  builder.form().hdr_len = 40;
  builder.form().header_extra = std::string(8, 'x');
  util::Arena arena;
  auto btf = btf::Btf::Parse(builder.Build(), nullptr, ".BTF", &arena);
  ASSERT_TRUE(btf.ok()) << btf.status();
  const absl::Status sorted = SortByName(&*btf);
  EXPECT_EQ(sorted.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(sorted.message()), HasSubstr("behind the 32 known"));
}

}  // namespace
}  // namespace btfd::engine
