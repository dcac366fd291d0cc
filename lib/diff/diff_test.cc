// SPDX-License-Identifier: Apache-2.0
//
// A pair of BTFs for each kind of change, made by hand, and what is said of it.
// (Real kernels are compared in tests/e2e.)
#include <functional>
#include <list>
#include <memory>
#include <memory_resource>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "lib/btf/testing/builder.h"
#include "lib/diff/compare.h"
#include "lib/diff/kfuncs.h"
#include "lib/diff/modules.h"
#include "lib/diff/report.h"

namespace btfd::diff {
namespace {

using btf::TypeId;
using btf::testing::BtfBuilder;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class Diff : public ::testing::Test {
 protected:
  const btf::Btf& Parse(const std::string& raw,
                        const btf::Base* base = nullptr) {
    auto btf = btf::Btf::Parse(raw, base, ".BTF", &memory_);
    EXPECT_TRUE(btf.ok()) << btf.status();
    btfs_.push_back(std::make_unique<btf::Btf>(*std::move(btf)));
    return *btfs_.back();
  }

  // The changes; their views live as long as this test.
  absl::StatusOr<std::vector<Change>> Changes(
      const btf::Btf& a, const btf::Btf& b, std::vector<Kfunc> a_kfuncs = {},
      std::vector<Kfunc> b_kfuncs = {}) {
    util::WorkBudget work = util::WorkBudget::ForInput(1 << 20);
    for (const btf::Btf* btf : {&a, &b}) {
      auto side = Side::Make(*btf, &work);
      if (!side.ok()) return side.status();
      sides_.push_back(std::make_unique<Side>(*std::move(side)));
    }
    kfuncs_.push_back(std::move(a_kfuncs));
    kfuncs_.push_back(std::move(b_kfuncs));
    return Compare(sides_[sides_.size() - 2].get(), sides_.back().get(),
                   *std::prev(kfuncs_.end(), 2), kfuncs_.back(), &work);
  }

  std::string Text(const BtfBuilder& a, const BtfBuilder& b) {
    const auto changes = Changes(Parse(a.Build()), Parse(b.Build()));
    if (!changes.ok()) return std::string(changes.status().message());
    std::string text;
    AppendText(*changes, &text);
    return text;
  }
  // The text for what two calls of one function make; i32 is type 1.
  using Maker = std::function<void(BtfBuilder& b, bool after)>;
  std::string Text(const Maker& make) {
    BtfBuilder a, b;
    for (BtfBuilder* builder : {&a, &b}) {
      builder->Int("int", 4);
      make(*builder, builder == &b);
    }
    EXPECT_EQ(Text(a, a), "");
    EXPECT_EQ(Text(b, b), "");
    return Text(a, b);
  }

  std::pmr::monotonic_buffer_resource memory_;
  std::vector<std::unique_ptr<btf::Btf>> btfs_;
  std::vector<std::unique_ptr<Side>> sides_;
  std::list<std::vector<Kfunc>> kfuncs_;
};

TEST_F(Diff, TypesComeAndGo) {
  EXPECT_EQ(Text([](BtfBuilder& b, bool after) {
              b.Struct("stays", 4, {{"a", 1, 0}});
              b.Struct(after ? "new" : "old", after ? 8 : 4, {{"a", 1, 0}});
            }),
            "+ struct new: 8 bytes\n- struct old: 4 bytes\n");
}

TEST_F(Diff, MembersAreAddedRemovedMovedAndRetyped) {
  EXPECT_EQ(Text([](BtfBuilder& b, bool after) {
              const TypeId i64 = b.Int("long", 8);
              if (after) {
                b.Struct("s", 40,
                         {{"first", 1, 0},
                          {"new", i64, 64},
                          {"x", 1, 128},
                          {"y", 1, 160},
                          {"z", 1, 192},
                          {"wide", i64, 256}});
              } else {
                b.Struct("s", 28,
                         {{"first", 1, 0},
                          {"x", 1, 32},
                          {"y", 1, 64},
                          {"gone", 1, 96},
                          {"z", 1, 128},
                          {"wide", 1, 160}});
              }
            }),
            "struct s: 28 -> 40 bytes\n"
            "  + new: long at 8\n"
            "  > 2 members, x to y: 12 bytes further\n"
            "  - gone: int at 12\n"
            "  > z: 8 bytes further\n"
            "  ~ wide: int -> long, at 20 -> 32\n");
}

TEST_F(Diff, BitFieldsHavePlaceAndWidth) {
  EXPECT_EQ(Text([](BtfBuilder& b, bool after) {
              b.Struct("s", 4,
                       {{"a", 1, 0, 3},
                        {"b", 1, 3, after ? 6u : 5u},
                        {"c", 1, after ? 9u : 8u, 1},
                        {"d", 1, 16, 1}});
            }),
            "struct s:\n"
            "  ~ b: 5 -> 6 bits\n"
            "  > c: 1 bits further\n");
}

TEST_F(Diff, UnionsAndSizesAlone) {
  EXPECT_EQ(Text([](BtfBuilder& b, bool after) {
              b.Union("u", after ? 8 : 4, {{"a", 1, 0}});
            }),
            "union u: 4 -> 8 bytes\n");
}

TEST_F(Diff, NamelessTypesArePartOfWhatUsesThem) {
  EXPECT_EQ(Text([](BtfBuilder& b, bool after) {
              const TypeId i64 = b.Int("long", 8);
              const TypeId inner =
                  b.Struct("", 8, {{"x", 1, 0}, {after ? "y2" : "y", 1, 32}});
              const TypeId choice =
                  b.Union("", 8, {{"as_long", i64, 0}, {"", inner, 0}});
              b.Struct("s", 16, {{"", choice, 0}, {"in", inner, 64}});
            }),
            "struct s:\n"
            "  - y: int at 4\n"
            "  + y2: int at 4\n"
            "  - in.y: int at 12\n"
            "  + in.y2: int at 12\n");
  // Behind a pointer or in an array, in the text of the type.
  EXPECT_EQ(
      Text([](BtfBuilder& b, bool after) {
        const TypeId inner = b.Struct("", 4, {{after ? "y2" : "y", 1, 0}});
        b.Struct("s", 16,
                 {{"p", b.Ptr(inner), 0}, {"a", b.Array(inner, 1, 2), 64}});
      }),
      "struct s:\n"
      "  ~ p: struct:4 { int y @0; } * -> struct:4 { int y2 @0; } *\n"
      "  ~ a: struct:4 { int y @0; }[2] -> struct:4 { int y2 @0; }[2]\n");
}

TEST_F(Diff, NamedTypesAreComparedOnceOnly) {
  EXPECT_EQ(Text([](BtfBuilder& b, bool after) {
              const TypeId in = b.Struct("in", 8, {{after ? "b" : "a", 1, 0}});
              b.Struct("out", 8, {{"in", in, 0}});
              b.Typedef("out_t", in);
            }),
            "struct in:\n  - a: int at 0\n  + b: int at 0\n");
}

TEST_F(Diff, EnumsHaveValues) {
  EXPECT_EQ(Text([](BtfBuilder& b, bool after) {
              if (after) {
                b.Enum64("e", 8, {{"A", 0}, {"C", 7}, {"D", int64_t{1} << 40}});
              } else {
                b.Enum("e", 4, {{"A", 0}, {"B", 1}, {"C", 2}});
              }
            }),
            "enum e: 4 -> 8 bytes\n"
            "  - B = 1\n"
            "  ~ C: 2 -> 7\n"
            "  + D = 1099511627776\n");
  // Of another order nobody takes note.
  EXPECT_EQ(Text([](BtfBuilder& b, bool after) {
              b.Enum("e", 4,
                     {{after ? "A" : "B", after}, {after ? "B" : "A", !after}});
            }),
            "");
}

TEST_F(Diff, ConstantsOfNamelessEnums) {
  EXPECT_EQ(Text([](BtfBuilder& b, bool after) {
              b.Enum("", 4, {{"KEPT", 1}, {"MAX", after ? 9 : 8}});
              b.Enum("", 4, {{after ? "NEW" : "OLD", 5}});
              // One that is used is part of its user.
              const TypeId used = b.Enum("", 4, {{"USED", after}});
              b.Struct("s", 4, {{"m", used, 0}});
            }),
            "struct s:\n"
            "  ~ m: enum:4 { USED = 0, } -> enum:4 { USED = 1, }\n"
            "constant MAX: 8 -> 9\n"
            "+ constant NEW: 5\n"
            "- constant OLD: 5\n");
}

TEST_F(Diff, Typedefs) {
  EXPECT_EQ(
      Text([](BtfBuilder& b, bool after) {
        const TypeId i64 = b.Int("long", 8);
        b.Typedef("t", after ? i64 : 1);
        b.Typedef("anonymous_t", b.Struct("", 4, {{after ? "b" : "a", 1, 0}}));
        b.Typedef("values_t", b.Enum("", 4, {{"V", after}}));
        b.Typedef("changed_t",
                  after ? b.Struct("", 4, {{"a", 1, 0}}) : TypeId{1});
      }),
      "typedef anonymous_t:\n  - a: int at 0\n  + b: int at 0\n"
      "typedef changed_t: int -> struct\n  + a: int at 0\n"
      "typedef t: int -> long\n"
      "typedef values_t:\n  ~ V: 0 -> 1\n");
}

TEST_F(Diff, FunctionsHavePrototypesAndLinkage) {
  EXPECT_EQ(Text([](BtfBuilder& b, bool after) {
              const TypeId s = b.Ptr(b.Const(b.Struct("s", 0)));
              std::vector<btf::testing::ParamSpec> params = {{"s", s}};
              if (after) params.push_back({"flags", 1});
              b.Func("more", b.Proto(1, params));
              b.Func("renamed", b.Proto(0, {{after ? "new" : "old", 1}}));
              b.Func("linkage", b.Proto(s), after ? 1 : 0);
              b.Func("varargs", b.Proto(0, {{"f", 1}, {"", after ? 0u : 1u}}));
            }),
            "function linkage:\n"
            "  - static const struct s *linkage(void)\n"
            "  + global const struct s *linkage(void)\n"
            "function more:\n"
            "  - global int more(const struct s *s)\n"
            "  + global int more(const struct s *s, int flags)\n"
            "function renamed:\n"
            "  - global void renamed(int old)\n"
            "  + global void renamed(int new)\n"
            "function varargs:\n"
            "  - global void varargs(int f, int)\n"
            "  + global void varargs(int f, ...)\n");
}

TEST_F(Diff, VariablesBasicTypesAndTags) {
  EXPECT_EQ(Text([](BtfBuilder& b, bool after) {
              b.Var("v", after ? b.Ptr(1) : TypeId{1});
              b.Var("w", 1, after);
              b.Int("word", after ? 8 : 4, 0);
              const TypeId f = b.Func("f", b.Proto(0));
              if (after) b.DeclTag("fast", f);
              b.DeclTag("argument", f, /*component=*/0);
            }),
            "type word: 4 -> 8 bytes; (none) 32 bits -> (none) 64 bits\n"
            "function f: tags () -> (fast)\n"
            "variable v: global int v -> global int *v\n"
            "variable w: static int w -> global int w\n");
}

TEST_F(Diff, DeclarationsBecomeDefinitions) {
  EXPECT_EQ(Text([](BtfBuilder& b, bool after) {
              if (after) {
                b.Struct("s", 4, {{"a", 1, 0}});
              } else {
                b.Fwd("s");
              }
              b.Fwd("twice");
              b.Struct("twice", 4);
            }),
            "struct s: declared only -> defined\n  + a: int at 0\n");
}

TEST_F(Diff, ANameThatIsUsedTwiceIsPairedByWhatIsTheSame) {
  EXPECT_EQ(Text([](BtfBuilder& b, bool after) {
              // One stays, one changes; the order is another.
              b.Struct("s", after ? 16 : 4);
              b.Struct("s", after ? 4 : 8);
              b.Func("f", b.Proto(1));
              if (after) b.Func("f", b.Proto(0));
              // What is there many times is there.
              b.Typedef("t", 1);
              if (after) b.Typedef("t", 1);
            }),
            "struct s: 8 -> 16 bytes\n"
            "+ function f: global void f(void)\n");
}

TEST_F(Diff, TypesAreWrittenAsCWritesThem) {
  BtfBuilder b;
  const TypeId i32 = b.Int("int", 4);
  const TypeId s = b.Struct("s", 0);
  const TypeId call =
      b.Ptr(b.Proto(i32, {{"a", b.Ptr(b.TypeTag("user", s))}, {"", 0}}));
  const TypeId table = b.Array(call, i32, 3);
  const TypeId pointer = b.Ptr(b.Array(b.Const(i32), i32, 4));
  const TypeId returns = b.Ptr(b.Proto(call));
  const TypeId odd = b.Const(b.Ptr(b.Volatile(b.Ptr(i32))));
  const btf::Btf& btf = Parse(b.Build());
  util::WorkBudget work = util::WorkBudget::ForInput(100);
  TypeTexts texts(btf, &work);
  EXPECT_EQ(texts.Of(call), "int (*)(struct s __user *, ...)");
  EXPECT_EQ(texts.Declaration(table, "table"),
            "int (*table[3])(struct s __user *, ...)");
  EXPECT_EQ(texts.Declaration(pointer, "p"), "const int (*p)[4]");
  EXPECT_EQ(texts.Of(returns), "int (*(*)(void))(struct s __user *, ...)");
  EXPECT_EQ(texts.Of(odd), "int *volatile *const");
  EXPECT_EQ(texts.Declaration(i32, ""), "int");
  EXPECT_TRUE(texts.status().ok());
}

TEST_F(Diff, CirclesAndHugeTextsEnd) {
  BtfBuilder recursive;
  recursive.Struct("list", 8, {{"next", 2, 0}});
  recursive.Ptr(1);
  EXPECT_EQ(Text(recursive, recursive), "");

  BtfBuilder pointers;
  pointers.Ptr(2);
  pointers.Ptr(1);
  pointers.Typedef("t", 1);
  EXPECT_THAT(Text(pointers, pointers), HasSubstr("or is made of itself"));
  BtfBuilder nested;
  nested.Struct("", 8, {{"", 1, 0}});
  nested.Struct("s", 8, {{"", 1, 0}});
  EXPECT_THAT(Text(nested, nested), HasSubstr("is made of itself"));
  BtfBuilder deep;
  TypeId last = 0;
  for (int i = 0; i < 100'000; ++i) last = deep.Ptr(last);
  deep.Typedef("t", last);
  EXPECT_THAT(Text(deep, deep), HasSubstr("is nested more than 200 types"));
  BtfBuilder wide;
  last = wide.Int("int", 4);
  for (int i = 0; i < 60; ++i) {
    last = wide.Ptr(wide.Proto(last, {{"", last}, {"", last}}));
  }
  wide.Typedef("t", last);
  EXPECT_THAT(Text(wide, wide), HasSubstr("steps, which no sensible input"));
  BtfBuilder flat;
  last = flat.Int("int", 4);
  for (int i = 0; i < 60; ++i) {
    last = flat.Struct("", 8, {{"a", last, 0}, {"b", last, 0}});
  }
  flat.Struct("s", 8, {{"", last, 0}});
  EXPECT_THAT(Text(flat, flat), HasSubstr("steps, which no sensible input"));
  BtfBuilder beyond;
  beyond.Func("f", beyond.Proto(99));
  EXPECT_THAT(Text(beyond, beyond), HasSubstr("refers to type 99"));
}

TEST_F(Diff, KfuncsHaveFlags) {
  BtfBuilder b;
  const TypeId proto = b.Proto(0);
  b.DeclTag("bpf_kfunc", b.Func("tagged", proto));
  b.Func("other", proto);
  const btf::Btf& btf = Parse(b.Build());
  const auto tagged = KfuncsOf(btf, std::nullopt);
  ASSERT_TRUE(tagged.ok());
  ASSERT_EQ(tagged->size(), 1u);
  EXPECT_EQ(tagged->front().name, "tagged");
  EXPECT_FALSE(tagged->front().flags.has_value());

  const auto changes =
      Changes(btf, btf, {{"gone", 0u}, {"other", 1u}, {"tagged", std::nullopt}},
              {{"new", 2u}, {"other", 3u}, {"tagged", 4u}});
  ASSERT_TRUE(changes.ok());
  std::string text;
  AppendText(*changes, &text);
  EXPECT_EQ(text,
            "- kfunc gone: flags 0x0\n+ kfunc new: flags 0x2\n"
            "kfunc other: flags 0x1 -> 0x3\n");
  EXPECT_EQ(Summary(*changes), "kfunc: 1 added, 1 removed, 1 changed");
}

TEST_F(Diff, JsonHasBothSides) {
  BtfBuilder a, b;
  for (BtfBuilder* builder : {&a, &b}) {
    builder->Int("int", 4);
    builder->Struct("s", builder == &a ? 4 : 8,
                    {{builder == &a ? "a" : "b", 1, 0}});
  }
  const auto changes = Changes(Parse(a.Build()), Parse(b.Build()));
  ASSERT_TRUE(changes.ok());
  util::JsonWriter json;
  json.Open('[');
  AddJson(*changes, &json);
  json.Close();
  EXPECT_EQ(json.text(),
            R"([{"class": "struct", "name": "s", "change": "changed", )"
            R"("a": {"size": 4}, "b": {"size": 8}, "members": [)"
            R"({"name": "a", "a": {"type": "int", "bits_offset": 0}}, )"
            R"({"name": "b", "b": {"type": "int", "bits_offset": 0}}]}])");
}

// A kernel with the structs used, within (a member of used), far (behind a
// pointer of used's) and other; all of them change.
std::string Kernel(bool after) {
  BtfBuilder b;
  b.Int("int", 4);  // 1
  const char* const member = after ? "b" : "a";
  b.Struct("within", after ? 8 : 4, {{member, 1, 0}});     // 2
  b.Struct("far", 4, {{member, 1, 0}});                    // 3
  b.Ptr(3);                                                // 4
  b.Struct("used", 24, {{member, 2, 0}, {"far", 4, 64}});  // 5
  b.Ptr(5);                                                // 6
  b.Struct("other", 4, {{member, 1, 0}});                  // 7
  return b.Build();
}

std::vector<std::string> Names(const std::vector<Met>& met) {
  std::vector<std::string> names;
  for (const Met& one : met) {
    names.push_back(std::string(one.change->name) +
                    (one.direct ? "" : " within"));
  }
  return names;
}

TEST_F(Diff, ModulesMeetWhatTheyReferToAndWhatLiesInIt) {
  const std::string before = Kernel(false), after = Kernel(true);
  const auto a = btf::Base::Build(before), b = btf::Base::Build(after);
  const auto changes = Changes(Parse(before), Parse(after));
  ASSERT_TRUE(changes.ok());
  ModuleImpact impact(**a, *changes);

  BtfBuilder user(**a);
  user.Func("f", user.Proto(0, {{"u", 6}}));
  const btf::Btf& uses = Parse(user.Build(), a->get());
  EXPECT_THAT(Names(impact.MetBy(uses)), ElementsAre("used", "within within"));
  EXPECT_TRUE(CheckRelocatesOnto(uses, **b).ok());

  BtfBuilder free_standing(**a);
  free_standing.Struct("mine", 4, {{"x", 1, 0}});
  EXPECT_THAT(impact.MetBy(Parse(free_standing.Build(), a->get())), IsEmpty());

  // A copy of a changed type, or a declaration of it.
  BtfBuilder copies(**a);
  copies.Struct("far", 4, {{"a", 1, 0}});
  copies.Fwd("other");
  copies.Func("used", copies.Proto(0));
  EXPECT_THAT(Names(impact.MetBy(Parse(copies.Build(), a->get()))),
              ElementsAre("far", "other"));

  // What lies in the module's own struct must keep its size.
  BtfBuilder embedding(**a);
  embedding.Struct("mine", 4, {{"x", 2, 0}});
  const btf::Btf& embeds = Parse(embedding.Build(), a->get());
  EXPECT_THAT(Names(impact.MetBy(embeds)), ElementsAre("within"));
  EXPECT_THAT(std::string(CheckRelocatesOnto(embeds, **b).message()),
              HasSubstr("(within) has no match"));
  EXPECT_TRUE(CheckRelocatesOnto(embeds, **a).ok());
}

}  // namespace
}  // namespace btfd::diff
