// SPDX-License-Identifier: Apache-2.0
#include "lib/engine/btf_ids.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "lib/btf/testing/builder.h"
#include "lib/engine/resolve.h"
#include "lib/engine/testing/ids_builder.h"
#include "lib/util/arena.h"

namespace btfd::engine {
namespace {

using btf::TypeId;
using btf::testing::BtfBuilder;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::IdsBuilder;
using ::testing::IsEmpty;
using testing::WordsOf;

class BtfIdsTest : public ::testing::Test {
 protected:
  // The only distinct name of a symbol's section.
  std::string NameOf(const std::string& symbol, uint64_t size = 8) {
    section_.content = std::string(64, '\0');
    section_.symbols = {{symbol, 0, size}};
    auto ids = BtfIds::Parse(section_, &arena_);
    if (!ids.ok()) return std::string(ids.status().message());
    if (ids->names().empty()) return "(none)";
    EXPECT_EQ(ids->names().size(), 1u);
    return std::string(ids->names()[0]->name);
  }

  // Parses, lets `resolve` give ids, and patches.
  std::string Patched(const IdsSection& section,
                      std::vector<std::pair<std::string, TypeId>> resolved) {
    section_ = section;
    auto ids = BtfIds::Parse(section_, &arena_);
    if (!ids.ok()) return std::string(ids.status().message());
    for (const auto& [name, id] : resolved) {
      ids->Find(IdKind::kFunc, name)->id = id;
    }
    const absl::Status status = ids->Patch(&warnings_);
    if (!status.ok()) return std::string(status.message());
    return ids->Content();
  }

  util::Arena arena_;
  IdsSection section_;
  std::vector<std::string> warnings_;
};

TEST_F(BtfIdsTest, TheUniqueSuffixIsCutAtTheLastPairOfUnderscores) {
  EXPECT_EQ(NameOf("__BTF_ID__func__a__b__12"), "a__b");
  EXPECT_EQ(NameOf("__BTF_ID__func__mfn__"), "mfn");
  EXPECT_EQ(NameOf("__BTF_ID__func__mfn___1"), "mfn_");
  EXPECT_EQ(NameOf("__BTF_ID__struct____1"), "");
}

TEST_F(BtfIdsTest, TwoCharactersBehindTheKindAreNotLookedAt) {
  EXPECT_EQ(NameOf("__BTF_ID__structXXzz__1"), "zz");
  EXPECT_EQ(NameOf("__BTF_ID__func_proto__x__1"), "roto__x");
  EXPECT_EQ(NameOf("__BTF_ID__set9__x"), "_x");
}

TEST_F(BtfIdsTest, OtherSymbolsAreNoIds) {
  EXPECT_EQ(NameOf("__BTF_I"), "(none)");
  EXPECT_EQ(NameOf("some_function"), "(none)");
}

TEST_F(BtfIdsTest, NamesWithoutASuffixAreDefects) {
  for (const char* symbol :
       {"__BTF_ID__func__foo_1", "__BTF_ID__func__foo", "__BTF_ID__func___foo",
        "__BTF_ID__func__", "__BTF_ID__func"}) {
    EXPECT_EQ(NameOf(symbol),
              absl::StrCat(".BTF_ids: symbol ", symbol,
                           " at offset 0: its name is not of the form "
                           "__NAME__UNIQUE with less than 512 characters"));
  }
  const std::string longest(508, 'x');
  EXPECT_EQ(NameOf(absl::StrCat("__BTF_ID__func__", longest, "__1")), longest);
  EXPECT_THAT(NameOf(absl::StrCat("__BTF_ID__func__", longest, "x__1")),
              HasSubstr("512 characters"));
}

TEST_F(BtfIdsTest, AnUnknownKindIsADefect) {
  EXPECT_THAT(NameOf("__BTF_ID__enum__foo__1"),
              HasSubstr("its kind is none of struct, union"));
}

TEST_F(BtfIdsTest, ASetHasANameAndAHeader) {
  EXPECT_THAT(NameOf("__BTF_ID__set8__"), HasSubstr("the set has no name"));
  EXPECT_THAT(NameOf("__BTF_ID__set8__x", 7),
              HasSubstr("its size, 7, is less than the header of a set"));
  EXPECT_EQ(NameOf("__BTF_ID__set__x", 4), "x");
}

TEST_F(BtfIdsTest, SetAndSet8ShareTheirNames) {
  IdsBuilder builder;
  builder.BeginSet("s").EndSet().BeginSet8("s").EndSet();
  EXPECT_THAT(Patched(builder.Build(), {}),
              HasSubstr("__BTF_ID__set8__s at offset 4: another set has the "
                        "same name"));
}

TEST_F(BtfIdsTest, AHundredPlacesAreEnough) {
  IdsBuilder builder;
  for (int i = 0; i < 100; ++i) builder.Single("func", "f");
  const IdsSection hundred = builder.Build();
  EXPECT_THAT(WordsOf(Patched(hundred, {{"f", 7}})), ::testing::Each(7u));
  builder.Single("func", "f");
  EXPECT_THAT(Patched(builder.Build(), {}),
              HasSubstr("f has more than 100 places"));
}

TEST_F(BtfIdsTest, NamesAreWalkedByKindAndDescending) {
  IdsBuilder builder;
  for (const char* name : {"a", "c", "b"}) builder.Single("func", name);
  builder.Single("struct", "a").Single("typedef", "t").Single("union", "u");
  Patched(builder.Build(), {});
  const std::string warning = "WARN: resolve_btfids: unresolved symbol ";
  EXPECT_THAT(warnings_,
              ElementsAre(warning + "a", warning + "u", warning + "t",
                          warning + "c", warning + "b", warning + "a"));
}

TEST_F(BtfIdsTest, SetsAreSortedByIdAndFlagsMoveAlong) {
  IdsBuilder builder(0x400);
  builder.BeginSet8("s", 1)
      .Entry("func", "c", 0xc)
      .Entry("func", "a", 0xa)
      .Entry("func", "gone", 0x9)
      .EndSet();
  builder.BeginSet("t").Entry("func", "c").Entry("func", "a").EndSet();
  EXPECT_THAT(WordsOf(Patched(builder.Build(), {{"a", 5}, {"c", 8}})),
              ElementsAre(3, 1, 0, 9, 5, 0xa, 8, 0xc, 2, 5, 8));
}

TEST_F(BtfIdsTest, EntriesOfOneIdKeepTheirOrder) {
  IdsBuilder builder;
  builder.BeginSet8("s")
      .Entry("func", "a", 2)
      .Entry("func", "b", 9)
      .Entry("func", "a", 1)
      .EndSet();
  EXPECT_THAT(WordsOf(Patched(builder.Build(), {{"a", 5}, {"b", 4}})),
              ElementsAre(3, 0, 4, 9, 5, 2, 5, 1));
}

TEST_F(BtfIdsTest, TheElfsByteOrderIsKept) {
  IdsBuilder builder;
  builder.BeginSet8("s", 1).Entry("func", "b", 2).Entry("func", "a", 3);
  const std::string content = Patched(
      builder.EndSet().Build(/*big_endian=*/true), {{"a", 5}, {"b", 6}});
  EXPECT_THAT(WordsOf(content, /*big_endian=*/true),
              ElementsAre(2, 1, 5, 3, 6, 2));
}

TEST_F(BtfIdsTest, BytesThatMakeNoWordStay) {
  IdsSection section = IdsBuilder().Single("func", "a").Build();
  section.content += "xyz";
  EXPECT_EQ(Patched(section, {{"a", 1}}), std::string("\1\0\0\0xyz", 7));
}

TEST_F(BtfIdsTest, AMisalignedSymbolMeansTheWordThatItLiesIn) {
  IdsBuilder builder;
  builder.Word(0).Word(0).Symbol("__BTF_ID__func__a__1", 6, 4);
  EXPECT_THAT(WordsOf(Patched(builder.Build(), {{"a", 3}})), ElementsAre(0, 3));
}

TEST_F(BtfIdsTest, ASymbolOutsideOfTheSectionIsADefect) {
  IdsBuilder behind;
  behind.Word(0).Symbol("__BTF_ID__func__a__1", 4, 4);
  EXPECT_EQ(Patched(behind.Build(), {}),
            ".BTF_ids: func a at offset 4 does not lie in the section of 4 "
            "bytes");
  IdsBuilder before(0x100);
  before.Word(0).Symbol("__BTF_ID__func__a__1", -8, 4);
  EXPECT_THAT(Patched(before.Build(), {}), HasSubstr("at offset -8"));
}

TEST_F(BtfIdsTest, ASetThatIsLongerThanTheSectionIsADefect) {
  IdsBuilder builder;
  builder.Word(0).Word(0).Symbol("__BTF_ID__set__s", 0, 40);
  EXPECT_EQ(Patched(builder.Build(), {}),
            ".BTF_ids: set s at offset 0 has 9 entries, which do not fit the "
            "section of 8 bytes");
}

// ---- What was resolved before.

class FollowTest : public BtfIdsTest {
 protected:
  FollowTest() {
    // Ids in the order of the names, which the sets are not in.
    const TypeId proto = builder_.Proto(0);
    for (const char* name : {"a", "b", "c", "d"}) builder_.Func(name, proto);
    auto btf = btf::Btf::Parse(builder_.Build(), nullptr, ".BTF", &arena_);
    EXPECT_TRUE(btf.ok()) << btf.status();
    btf_.emplace(*std::move(btf));
  }

  // Resolves against the BTF, in the way of the first or of a later time.
  std::string Resolve(const IdsSection& section, bool follow) {
    section_ = section;
    auto ids = BtfIds::Parse(section_, &arena_);
    EXPECT_TRUE(ids.ok()) << ids.status();
    if (follow) {
      EXPECT_TRUE(ids->FollowResolvedSets(*btf_).ok());
    }
    followed_ = false;
    for (const IdName* name : ids->names()) followed_ |= name->followed;
    warnings_.clear();
    ResolveNames(*btf_, &*ids, &warnings_);
    EXPECT_TRUE(ids->Patch(&warnings_).ok());
    return ids->Content();
  }

  IdsSection MixedUp() {
    return IdsBuilder(0x40)
        .BeginSet8("s", 1)
        .Entry("func", "d", 0xd)
        .Entry("func", "gone", 0x1)
        .Entry("func", "b", 0xb)
        .Entry("func", "lost", 0x2)
        .Entry("func", "a", 0xa)
        .EndSet()
        .Single("func", "c")
        .BeginSet("t")
        .Entry("func", "c")
        .Entry("func", "a")
        .EndSet()
        .Build();
  }

  BtfBuilder builder_;
  std::optional<btf::Btf> btf_;
  bool followed_ = false;
};

TEST_F(FollowTest, TwiceIsTheSameAsOnce) {
  IdsSection section = MixedUp();
  const std::string once = Resolve(section, /*follow=*/true);
  EXPECT_FALSE(followed_);
  EXPECT_THAT(WordsOf(once), ElementsAre(5, 1, 0, 1, 0, 2, 2, 0xa, 3, 0xb, 5,
                                         0xd, 4, 2, 2, 4));
  section.content = once;
  EXPECT_EQ(Resolve(section, /*follow=*/true), once);
  EXPECT_TRUE(followed_);
  // Which is what goes wrong upstream.
  EXPECT_NE(Resolve(section, /*follow=*/false), once);
}

TEST_F(FollowTest, FlagsStayWithTheirNameWhenIdsChange) {
  IdsSection section = MixedUp();
  section.content = Resolve(section, /*follow=*/true);
  // The same BTF in another order, as after dedup or sort.
  BtfBuilder other;
  const TypeId proto = other.Proto(0);
  for (const char* name : {"d", "c", "lost", "b", "a"}) other.Func(name, proto);
  auto renumbered = btf::Btf::Parse(other.Build(), nullptr, ".BTF", &arena_);
  ASSERT_TRUE(renumbered.ok());
  section_ = section;
  auto ids = BtfIds::Parse(section_, &arena_);
  ASSERT_TRUE(ids.ok());
  ASSERT_TRUE(ids->FollowResolvedSets(*btf_).ok());
  ResolveNames(*renumbered, &*ids, &warnings_);
  ASSERT_TRUE(ids->Patch(&warnings_).ok());
  EXPECT_THAT(WordsOf(ids->Content()), ElementsAre(5, 1, 0, 1, 2, 0xd, 4, 2, 5,
                                                   0xb, 6, 0xa, 3, 2, 3, 6));
}

TEST_F(FollowTest, IdsOfAnotherBtfAreNotFollowed) {
  IdsSection section = MixedUp();
  section.content = Resolve(section, /*follow=*/true);
  BtfBuilder other;
  other.Int("int", 4);
  const TypeId proto = other.Proto(0);
  for (const char* name : {"a", "b", "c", "d"}) other.Func(name, proto);
  auto btf = btf::Btf::Parse(other.Build(), nullptr, ".BTF", &arena_);
  ASSERT_TRUE(btf.ok());
  btf_.emplace(*std::move(btf));
  Resolve(section, /*follow=*/true);
  EXPECT_FALSE(followed_);
}

TEST_F(FollowTest, ACountThatIsNotTheSymbolsIsNotFollowed) {
  IdsSection section = MixedUp();
  section.content = Resolve(section, /*follow=*/true);
  section.content[0] = 4;
  section.content[4 * 13] = 1;
  Resolve(section, /*follow=*/true);
  EXPECT_FALSE(followed_);
}

TEST_F(FollowTest, ASetWithoutAnyIdWasNotMoved) {
  IdsSection section = IdsBuilder()
                           .BeginSet8("s")
                           .Entry("func", "gone", 1)
                           .Entry("func", "lost", 2)
                           .EndSet()
                           .Build();
  section.content = Resolve(section, /*follow=*/true);
  EXPECT_THAT(WordsOf(section.content), ElementsAre(2, 0, 0, 1, 0, 2));
  Resolve(section, /*follow=*/true);
  EXPECT_FALSE(followed_);
}

}  // namespace
}  // namespace btfd::engine
