// SPDX-License-Identifier: Apache-2.0
//
// Where the releases of libbpf differ, rule by rule. Whether all of it together
// equals each of them is for tests/differential/dedup.
#include "lib/engine/dedup/rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "lib/btf/base.h"
#include "lib/btf/dedup_index.h"
#include "lib/btf/testing/builder.h"
#include "lib/btf/testing/dump.h"
#include "lib/engine/dedup/dedup.h"
#include "lib/util/arena.h"

namespace btfd::engine {
namespace {

using btf::TypeId;
using btf::testing::BtfBuilder;
using ::testing::HasSubstr;

constexpr LibbpfRules kOld[] = {LibbpfRules::k1_1, LibbpfRules::k1_5};

// The types that are left, or the error's words. `strings`, if not null, gets
// the own strings.
std::string DedupBy(const DedupOptions& options, const BtfBuilder& own,
                    const BtfBuilder* base = nullptr,
                    std::string* strings = nullptr) {
  util::Arena arena;
  std::shared_ptr<const btf::Base> base_btf;
  std::shared_ptr<const btf::DedupIndex> index;
  if (base != nullptr) {
    base_btf = btf::Base::Build(base->Build()).value();
    index = btf::DedupIndex::Build(*base_btf).value();
  }
  btf::Btf btf =
      btf::Btf::Parse(own.Build(), base_btf.get(), ".BTF", &arena).value();
  const absl::Status status = Dedup(&btf, index.get(), nullptr, options);
  if (!status.ok()) return std::string(status.message());
  if (strings != nullptr) *strings = std::string(btf.own_strings());
  return btf::testing::Dump(btf);
}
std::string DedupBy(LibbpfRules rules, const BtfBuilder& own,
                    const BtfBuilder* base = nullptr) {
  DedupOptions options;
  options.rules = rules;
  return DedupBy(options, own, base);
}

TEST(LibbpfRules, OneReleaseDoesNotFindTypedefsOfTheBase) {
  BtfBuilder base;
  const TypeId i32 = base.Int("int", 4);
  base.Typedef("t", i32);
  BtfBuilder split(base);
  split.Typedef("t", split.Int("int", 4));
  for (const LibbpfRules rules :
       {LibbpfRules::k1_1, LibbpfRules::k1_5, LibbpfRules::k1_8}) {
    EXPECT_EQ(DedupBy(rules, split, &base), "");
  }
  EXPECT_EQ(DedupBy(LibbpfRules::k1_7, split, &base),
            "[3] TYPEDEF 't' type=1\n");
}

// libbpf visits the newest first, as long as its table has not grown.
TEST(LibbpfRules, ATypedefThatTheBaseHasTwiceIsFoundInLibbpfsOrder) {
  BtfBuilder base;
  const TypeId i32 = base.Int("int", 4);
  base.Typedef("t", i32);
  const TypeId second = base.Typedef("t", i32);
  BtfBuilder split(base);
  split.Ptr(split.Typedef("t", i32));
  for (const LibbpfRules rules : kOld) {
    EXPECT_EQ(DedupBy(rules, split, &base),
              "[4] PTR '' type=" + std::to_string(second) + "\n");
  }
}

TEST(LibbpfRules, TypedefsBecomeCanonicalWithStructsOrWithReferences) {
  BtfBuilder own;
  own.Typedef("t", own.next_id());
  for (const LibbpfRules rules : kOld) {
    EXPECT_THAT(DedupBy(rules, own), HasSubstr("cycle of references"));
  }
  for (const LibbpfRules rules : {LibbpfRules::k1_7, LibbpfRules::k1_8}) {
    EXPECT_EQ(DedupBy(rules, own), "[1] TYPEDEF 't' type=1\n");
  }
}

// A "user" holds one type twice, an equal one two copies of it: these are what
// must be identical. They come last, and so are not merged by then.
bool UsersAreMerged(LibbpfRules rules, const BtfBuilder& own) {
  const std::string types = DedupBy(rules, own);
  return types.find("'user'") == types.rfind("'user'");
}
bool UsersOfCopiesAreMerged(LibbpfRules rules, TypeId (*copy)(BtfBuilder*)) {
  BtfBuilder own;
  const TypeId user = own.next_id();
  own.Struct("user", 16, {{"a", user + 3, 0}, {"b", user + 3, 64}});
  own.Struct("user", 16, {{"a", user + 4, 0}, {"b", user + 5, 64}});
  own.Int("int", 4);
  for (int i = 0; i < 3; ++i) copy(&own);
  return UsersAreMerged(rules, own);
}

TEST(LibbpfRules, ArraysAndStructsOfEqualIdsAreIdenticalByAll) {
  const auto array = [](BtfBuilder* own) { return own->Array(3, 3, 2); };
  const auto composite = [](BtfBuilder* own) {
    return own->Struct("s", 4, {{"m", 3, 0}});
  };
  for (const LibbpfRules rules : {LibbpfRules::k1_1, LibbpfRules::k1_5,
                                  LibbpfRules::k1_7, LibbpfRules::k1_8}) {
    EXPECT_TRUE(UsersOfCopiesAreMerged(rules, array));
    EXPECT_TRUE(UsersOfCopiesAreMerged(rules, composite));
  }
}

TEST(LibbpfRules, PointersAreIdenticalByTheNewerOnly) {
  const auto pointer = [](BtfBuilder* own) { return own->Ptr(3); };
  for (const LibbpfRules rules : kOld) {
    EXPECT_FALSE(UsersOfCopiesAreMerged(rules, pointer));
  }
  EXPECT_TRUE(UsersOfCopiesAreMerged(LibbpfRules::k1_7, pointer));
  EXPECT_TRUE(UsersOfCopiesAreMerged(LibbpfRules::k1_8, pointer));
}

TEST(LibbpfRules, StructsInEachOtherAreIdenticalToAnyDepthByTheOlder) {
  constexpr int kDepth = 40;
  BtfBuilder own;
  const TypeId i32 = own.next_id() + 2;
  const TypeId first = i32 + 1;
  own.Struct("user", 8, {{"a", first, 0}, {"b", first, 32}});
  own.Struct("user", 8,
             {{"a", first + kDepth, 0}, {"b", first + 2 * kDepth, 32}});
  own.Int("int", 4);
  for (int copy = 0; copy < 3; ++copy) {
    for (int level = 0; level < kDepth; ++level) {
      const TypeId inner = level + 1 < kDepth ? own.next_id() + 1 : i32;
      own.Struct("level" + std::to_string(level), 4, {{"m", inner, 0}});
    }
  }
  for (const LibbpfRules rules : kOld) {
    EXPECT_TRUE(UsersAreMerged(rules, own));
  }
  EXPECT_FALSE(UsersAreMerged(LibbpfRules::k1_7, own));
  EXPECT_FALSE(UsersAreMerged(LibbpfRules::k1_8, own));
}

// libbpf's stack is exhausted by it.
TEST(LibbpfRules, StructsThatContainEachOtherAreRefusedByTheOlder) {
  BtfBuilder own;
  const TypeId one = own.next_id() + 2;
  own.Struct("user", 8, {{"a", one, 0}, {"b", one, 32}});
  own.Struct("user", 8, {{"a", one + 1, 0}, {"b", one + 2, 32}});
  for (int copy = 0; copy < 3; ++copy) {
    own.Struct("self", 4, {{"m", own.next_id(), 0}});
  }
  for (const LibbpfRules rules : kOld) {
    EXPECT_THAT(DedupBy(rules, own), HasSubstr("contain each other"));
  }
}

TEST(LibbpfRules, OlderOnesCountNoMoreThan65535Members) {
  BtfBuilder own;
  own.Enum("e", 4, std::vector<btf::testing::EnumSpec>(65536, {"v", 0}));
  for (const LibbpfRules rules :
       {LibbpfRules::k1_1, LibbpfRules::k1_5, LibbpfRules::k1_7}) {
    EXPECT_THAT(DedupBy(rules, own),
                HasSubstr("type 1 has 65536 members; up to 65535"));
  }
  EXPECT_THAT(DedupBy(LibbpfRules::k1_8, own), HasSubstr("[1] ENUM 'e'"));
}

TEST(LibbpfRules, StringsAreKeptInTheirOrderIfAskedFor) {
  BtfBuilder own;
  own.String("unused");
  own.String("second");
  own.Int("first", 4);
  own.Int("second", 4);
  DedupOptions options;
  std::string strings;
  DedupBy(options, own, nullptr, &strings);
  EXPECT_EQ(strings, std::string("\0first\0second\0", 14));
  options.keep_strings = true;
  EXPECT_EQ(DedupBy(options, own, nullptr, &strings),
            DedupBy(DedupOptions(), own));
  EXPECT_EQ(strings, std::string("\0unused\0second\0first\0", 21));
}

}  // namespace
}  // namespace btfd::engine
