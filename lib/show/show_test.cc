// SPDX-License-Identifier: Apache-2.0
//
// Each kind as text and as JSON, and which types a selection holds. (That the
// text is bpftool's is shown on real kernels, in tests/e2e.)
#include <memory_resource>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "lib/btf/testing/builder.h"
#include "lib/show/edit_distance.h"
#include "lib/show/json_text.h"
#include "lib/show/raw_text.h"
#include "lib/show/selection.h"

namespace btfd::show {
namespace {

using btf::Btf;
using btf::TypeId;
using btf::testing::BtfBuilder;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

class Show : public ::testing::Test {
 protected:
  Btf Parse(const BtfBuilder& builder, const btf::Base* base = nullptr) {
    return Parse(builder.Build(), base);
  }
  Btf Parse(const std::string& raw, const btf::Base* base = nullptr) {
    absl::StatusOr<Btf> btf = Btf::Parse(raw, base, ".BTF", &memory_);
    EXPECT_TRUE(btf.ok()) << btf.status();
    return *std::move(btf);
  }

  static std::string Raw(const Btf& btf, const std::vector<ShownType>& types) {
    std::string text;
    for (const ShownType& shown : types) AppendRawText(btf, shown, &text);
    return text;
  }
  static std::string Json(const Btf& btf, TypeId id) {
    util::JsonWriter json;
    json.Open('[');
    AddJson(btf, {id}, &json);
    json.Close();
    return json.text();
  }

  // "3 1 FWD4 2": the ids in the order in which they are shown.
  static std::string Needed(const Btf& btf, const std::vector<TypeId>& roots) {
    const auto types = WithNeeded(btf, roots);
    if (!types.ok()) return std::string(types.status().message());
    std::string text;
    for (const ShownType& shown : *types) {
      if (!text.empty()) text += ' ';
      text += (shown.declared_only ? "FWD" : "") + std::to_string(shown.id);
    }
    return text;
  }

  std::pmr::monotonic_buffer_resource memory_;
};

std::string EveryKind() {
  BtfBuilder b;
  const TypeId i32 = b.Int("int", 4);                         // 1
  b.Int("", 1, BtfBuilder::kBool);                            // 2
  const TypeId ptr = b.Ptr(0);                                // 3
  b.Array(i32, i32, 7);                                       // 4
  b.Struct("s", 8, {{"a", i32, 0}, {"", i32, 32}});           // 5
  b.Union("u", 4, {{"b", i32, 3, 5}});                        // 6
  b.Enum("e", 4, {{"A", -1}, {"B", 5}}, /*is_signed=*/true);  // 7
  b.Enum("f", 4, {{"C", 0xffffffff}});                        // 8
  b.Fwd("s1");                                                // 9
  b.Fwd("u1", /*is_union=*/true);                             // 10
  b.Typedef("t", b.Const(b.Volatile(b.Restrict(ptr))));       // 11-14
  const TypeId proto = b.Proto(i32, {{"x", i32}, {"", 0}});   // 15
  b.Func("fn", proto);                                        // 16
  const TypeId var = b.Var("v", i32);                         // 17
  b.Datasec(".data", 4, {{var, 0, 4}});                       // 18
  b.Float("double", 8);                                       // 19
  b.DeclTag("tag", proto);                                    // 20
  b.TypeTag("rcu", i32);                                      // 21
  b.Enum64("g", 8, {{"D", -2}}, /*is_signed=*/true);          // 22
  b.Enum64("h", 8, {{"E", -1}});                              // 23
  return b.Build();
}

TEST_F(Show, EveryKindHasItsLine) {
  const Btf btf = Parse(EveryKind());
  EXPECT_EQ(Raw(btf, AllOwn(btf)),
            R"j([1] INT 'int' size=4 bits_offset=0 nr_bits=32 encoding=SIGNED
[2] INT '(anon)' size=1 bits_offset=0 nr_bits=8 encoding=BOOL
[3] PTR '(anon)' type_id=0
[4] ARRAY '(anon)' type_id=1 index_type_id=1 nr_elems=7
[5] STRUCT 's' size=8 vlen=2
	'a' type_id=1 bits_offset=0
	'(anon)' type_id=1 bits_offset=32
[6] UNION 'u' size=4 vlen=1
	'b' type_id=1 bits_offset=3 bitfield_size=5
[7] ENUM 'e' encoding=SIGNED size=4 vlen=2
	'A' val=-1
	'B' val=5
[8] ENUM 'f' encoding=UNSIGNED size=4 vlen=1
	'C' val=4294967295
[9] FWD 's1' fwd_kind=struct
[10] FWD 'u1' fwd_kind=union
[11] RESTRICT '(anon)' type_id=3
[12] VOLATILE '(anon)' type_id=11
[13] CONST '(anon)' type_id=12
[14] TYPEDEF 't' type_id=13
[15] FUNC_PROTO '(anon)' ret_type_id=1 vlen=2
	'x' type_id=1
	'(anon)' type_id=0
[16] FUNC 'fn' type_id=15 linkage=global
[17] VAR 'v' type_id=1, linkage=global
[18] DATASEC '.data' size=4 vlen=1
	type_id=17 offset=0 size=4 (VAR 'v')
[19] FLOAT 'double' size=8
[20] DECL_TAG 'tag' type_id=15 component_idx=-1
[21] TYPE_TAG 'rcu' type_id=1
[22] ENUM64 'g' encoding=SIGNED size=8 vlen=1
	'D' val=-2LL
[23] ENUM64 'h' encoding=UNSIGNED size=8 vlen=1
	'E' val=18446744073709551615ULL
)j");
}

TEST_F(Show, JsonHasTheSame) {
  const Btf btf = Parse(EveryKind());
  EXPECT_EQ(Json(btf, 5),
            R"j([{"id": 5, "kind": "STRUCT", "name": "s", "size": 8, )j"
            R"j("vlen": 2, "members": [)j"
            R"j({"name": "a", "type_id": 1, "bits_offset": 0}, )j"
            R"j({"name": "(anon)", "type_id": 1, "bits_offset": 32}]}])j");
  EXPECT_THAT(Json(btf, 6), HasSubstr(R"("bitfield_size": 5)"));
  EXPECT_THAT(Json(btf, 7), HasSubstr(R"({"name": "A", "val": -1})"));
  EXPECT_THAT(Json(btf, 8), HasSubstr(R"({"name": "C", "val": 4294967295})"))
      << "bpftool's JSON has 18446744073709551615, its text 4294967295";
  EXPECT_THAT(Json(btf, 20), HasSubstr(R"("component_idx": -1)"));
  EXPECT_THAT(Json(btf, 23),
              HasSubstr(R"({"name": "E", "val": 18446744073709551615})"));
}

TEST_F(Show, SplitShowsItsOwnTypesAlone) {
  BtfBuilder base;
  const TypeId i32 = base.Int("int", 4);
  BtfBuilder split(base);
  split.Ptr(i32);
  const auto indexed = btf::Base::Build(base.Build());
  const Btf btf = Parse(split, indexed->get());
  EXPECT_EQ(Raw(btf, AllOwn(btf)), "[2] PTR '(anon)' type_id=1\n");
  EXPECT_EQ(Needed(btf, {2}), "1 2") << "but by name, what they need as well";
}

TEST_F(Show, NeededTypesComeFirstAndOnce) {
  BtfBuilder b;
  const TypeId inner = b.Struct("inner", 4, {{"x", 3, 0}});  // 1
  b.Struct("outer", 8, {{"a", inner, 0}, {"b", 3, 32}});     // 2
  b.Int("int", 4);                                           // 3
  b.Struct("unrelated", 4, {{"x", 3, 0}});                   // 4
  EXPECT_EQ(Needed(Parse(b), {2}), "3 1 2");
  EXPECT_EQ(Needed(Parse(b), {2, 1, 2}), "3 1 2");
}

TEST_F(Show, BehindAPointerTheNameIsEnough) {
  BtfBuilder b;
  const TypeId far = b.Struct("far", 4, {{"x", 4, 0}});                  // 1
  const TypeId ptr = b.Ptr(b.Const(far));                                // 2, 3
  b.Int("int", 4);                                                       // 4
  const TypeId anonymous = b.Struct("", 8, {{"y", ptr, 0}});             // 5
  b.Struct("holder", 16, {{"p", ptr, 0}, {"q", b.Ptr(anonymous), 64}});  // 6,7
  EXPECT_EQ(Needed(Parse(b), {7}), "FWD1 2 3 5 6 7")
      << "what has no name cannot be declared";
  const Btf btf = Parse(b);
  EXPECT_EQ(Raw(btf, {{1, true}}), "[1] FWD 'far' fwd_kind=struct\n");
}

TEST_F(Show, WhatIsDefinedAnywayIsNotDeclared) {
  BtfBuilder b;
  // struct list { struct list *next; };
  b.Struct("list", 8, {{"next", 2, 0}});  // 1
  b.Ptr(1);                               // 2
  // struct user { other_t *p; other_t v; }, where other_t is a struct's.
  b.Struct("other", 8, {{"l", 1, 0}});                // 3
  b.Typedef("other_t", 3);                            // 4
  b.Ptr(4);                                           // 5
  b.Struct("user", 16, {{"p", 5, 0}, {"v", 4, 64}});  // 6
  EXPECT_EQ(Needed(Parse(b), {1}), "2 1");
  EXPECT_EQ(Needed(Parse(b), {6}), "4 5 2 1 3 6");
}

TEST_F(Show, CirclesAndLongChainsEnd) {
  BtfBuilder circle;
  circle.Typedef("a", 2);
  circle.Typedef("b", 1);
  circle.Array(3, 3, 1);
  EXPECT_EQ(Needed(Parse(circle), {1, 3}), "2 1 3");

  BtfBuilder chain;
  TypeId last = chain.Int("int", 4);
  for (int i = 0; i < 1'000'000; ++i) last = chain.Const(last);
  const Btf btf = Parse(chain);
  const auto types = WithNeeded(btf, {last});
  ASSERT_TRUE(types.ok());
  EXPECT_EQ(types->size(), 1'000'001u);
}

TEST_F(Show, IdBeyondTheLastTypeIsAnError) {
  BtfBuilder b;
  b.Proto(77);
  EXPECT_EQ(Needed(Parse(b), {1}),
            "type 1 refers to type 77, and the last one is 1");
  BtfBuilder fwd;
  fwd.type(fwd.Fwd("f")).size_or_type = 77;  // means nothing there
  EXPECT_EQ(Needed(Parse(fwd), {1}), "1");
}

TEST_F(Show, TypesAreFoundByName) {
  BtfBuilder b;
  const TypeId s = b.Struct("foo", 0);
  const TypeId t = b.Typedef("foo", s);
  b.Struct("foobar", 0);
  const TypeId e = b.Enum64("num", 8, {});
  const Btf btf = Parse(b);
  EXPECT_THAT(*FindTypes(btf, "foo"), ElementsAre(s, t));
  EXPECT_THAT(*FindTypes(btf, "struct foo"), ElementsAre(s));
  EXPECT_THAT(*FindTypes(btf, "typedef foo"), ElementsAre(t));
  EXPECT_THAT(*FindTypes(btf, "enum num"), ElementsAre(e));
  EXPECT_EQ(FindTypes(btf, "union foo").status().code(),
            absl::StatusCode::kNotFound);
}

TEST_F(Show, UnknownNamesSuggestSimilarOnes) {
  BtfBuilder b;
  b.Struct("task_struct", 0);
  b.Struct("task_group", 0);
  b.Struct("sk_buff", 0);
  b.Struct("sock", 0);
  const Btf btf = Parse(b);
  EXPECT_EQ(FindTypes(btf, "task_strct").status().message(),
            "no type is called task_strct; similar: task_struct");
  EXPECT_EQ(FindTypes(btf, "struct sk_bufs").status().message(),
            "no type is called struct sk_bufs; similar: sk_buff");
  EXPECT_THAT(std::string(FindTypes(btf, "xyzzy").status().message()),
              EndsWith("no type is called xyzzy"));
}

TEST(EditDistance, CountsUpToTheLimit) {
  EXPECT_EQ(EditDistance("", "", 3), 0u);
  EXPECT_EQ(EditDistance("kitten", "sitting", 3), 3u);
  EXPECT_EQ(EditDistance("sitting", "kitten", 5), 3u);
  EXPECT_EQ(EditDistance("abc", "abc", 0), 0u);
  EXPECT_EQ(EditDistance("abc", "abd", 1), 1u);
  EXPECT_EQ(EditDistance("abc", "", 3), 3u);
  EXPECT_EQ(EditDistance("", "ab", 3), 2u);
  EXPECT_GT(EditDistance("kitten", "sitting", 2), 2u);
  EXPECT_GT(EditDistance("abcdef", "", 3), 3u);
}

// Against the table that is computed as a whole.
TEST(EditDistance, AgreesWithTheWholeTable) {
  const std::vector<std::string> words = {"",    "a",    "ab",   "ba",
                                          "abb", "bbab", "abab", "aabba"};
  for (const std::string& a : words) {
    for (const std::string& b : words) {
      std::vector<std::vector<size_t>> table(a.size() + 1,
                                             std::vector<size_t>(b.size() + 1));
      for (size_t i = 0; i <= a.size(); ++i) {
        for (size_t j = 0; j <= b.size(); ++j) {
          if (i == 0 || j == 0) {
            table[i][j] = i + j;
            continue;
          }
          table[i][j] =
              std::min({table[i - 1][j] + 1, table[i][j - 1] + 1,
                        table[i - 1][j - 1] + (a[i - 1] != b[j - 1])});
        }
      }
      const size_t distance = table[a.size()][b.size()];
      for (size_t limit = 0; limit < 6; ++limit) {
        const size_t found = EditDistance(a, b, limit);
        EXPECT_EQ(found <= limit, distance <= limit) << a << " " << b;
        if (distance <= limit) {
          EXPECT_EQ(found, distance) << a << " " << b;
        }
      }
    }
  }
}

}  // namespace
}  // namespace btfd::show
