// SPDX-License-Identifier: Apache-2.0
#include "lib/btf/plain_types.h"

#include <gtest/gtest.h>

#include <string>

#include "lib/btf/base.h"
#include "lib/btf/testing/builder.h"

namespace btfd::btf {
namespace {

using testing::BtfBuilder;

void Fill(BtfBuilder* builder) {
  const TypeId i32 = builder->Int("int", 4);
  builder->Struct("pair", 8, {{"a", i32, 0}, {"b", i32, 32}});
  builder->Enum64("wide", 8, {{"MANY", int64_t{1} << 40}});
}

// The same types and strings as those of a Base.
void ExpectAsBase(absl::string_view raw) {
  const auto plain = PlainTypes::Parse(raw);
  const auto base = Base::Build(raw);
  ASSERT_TRUE(plain.ok()) << plain.status();
  ASSERT_TRUE(base.ok()) << base.status();
  const TypeTable& ours = plain->table();
  const TypeTable& theirs = (*base)->table();
  ASSERT_EQ(ours.end, theirs.end);
  ASSERT_EQ(ours.str_len, theirs.str_len);
  EXPECT_EQ(plain->foreign_endian(), (*base)->foreign_endian());
  for (TypeId id = 1; id < ours.end; ++id) {
    ASSERT_EQ(ours.type_words(id), theirs.type_words(id)) << id;
    EXPECT_EQ(memcmp(&ours.type(id), &theirs.type(id),
                     ours.type_words(id) * size_t{4}),
              0)
        << id;
    EXPECT_STREQ(ours.string(ours.type(id).name_off),
                 theirs.string(theirs.type(id).name_off));
  }
}

TEST(PlainTypes, AreThoseOfABase) {
  for (const bool big_endian : {false, true}) {
    BtfBuilder builder;
    builder.form().big_endian = big_endian;
    Fill(&builder);
    ExpectAsBase(builder.Build());
  }
}

TEST(PlainTypes, MayLieAnywhere) {
  BtfBuilder builder;
  Fill(&builder);
  const std::string shifted = "x" + builder.Build();
  ExpectAsBase(absl::string_view(shifted).substr(1));
}

TEST(PlainTypes, StayWhereTheyAreWhenMoved) {
  BtfBuilder builder;
  builder.form().big_endian = true;
  Fill(&builder);
  const std::string raw = builder.Build();
  auto plain = PlainTypes::Parse(raw);
  ASSERT_TRUE(plain.ok());
  const PlainTypes moved = *std::move(plain);
  EXPECT_STREQ(moved.table().string(moved.table().type(2).name_off), "pair");
}

TEST(PlainTypes, HaveTheVerdictsOfABase) {
  BtfBuilder dangling;
  dangling.Proto(/*returns=*/77);
  const std::string raw = dangling.Build();
  EXPECT_TRUE(PlainTypes::Parse(raw)->has_dangling_ids());
  BtfBuilder bad;
  bad.Ptr(/*to=*/77);
  for (const std::string& bytes :
       {std::string("short"), bad.Build(), raw.substr(0, raw.size() - 1)}) {
    const auto plain = PlainTypes::Parse(bytes, "base BTF");
    EXPECT_EQ(plain.status(), Base::Build(bytes).status());
    EXPECT_FALSE(plain.ok());
  }
}

}  // namespace
}  // namespace btfd::btf
