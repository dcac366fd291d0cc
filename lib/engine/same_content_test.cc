// SPDX-License-Identifier: Apache-2.0
#include "lib/engine/same_content.h"

#include <gtest/gtest.h>

#include <string>

#include "lib/btf/testing/builder.h"
#include "lib/util/arena.h"

namespace btfd::engine {
namespace {

using btf::testing::BtfBuilder;

bool Same(const BtfBuilder& a, const BtfBuilder& b) {
  util::Arena arena;
  auto btf_a = btf::Btf::Parse(a.Build(), nullptr, ".BTF", &arena);
  auto btf_b = btf::Btf::Parse(b.Build(), nullptr, ".BTF", &arena);
  EXPECT_TRUE(btf_a.ok() && btf_b.ok());
  return SameContent(*btf_a, *btf_b);
}

TEST(SameContent, TheOrderOfStringsDoesNotMatter) {
  BtfBuilder a;
  BtfBuilder b;
  b.AppendString("member");
  for (BtfBuilder* builder : {&a, &b}) {
    builder->Struct("s", 8, {{"member", 0, 0}, {"", 0, 32}});
    builder->Enum("e", 4, {{"member", 1}});
  }
  EXPECT_TRUE(Same(a, b));
}

TEST(SameContent, TextsIdsAndNumbersMatter) {
  const auto make = [](const char* name, btf::TypeId type, uint32_t offset) {
    BtfBuilder builder;
    builder.Struct("s", 8, {{name, type, offset}});
    return builder.Build();
  };
  util::Arena arena;
  const auto parse = [&](const std::string& raw) {
    return btf::Btf::Parse(raw, nullptr, ".BTF", &arena);
  };
  const auto original = parse(make("m", 0, 0));
  EXPECT_TRUE(SameContent(*original, *parse(make("m", 0, 0))));
  EXPECT_FALSE(SameContent(*original, *parse(make("n", 0, 0))));
  EXPECT_FALSE(SameContent(*original, *parse(make("m", 1, 0))));
  EXPECT_FALSE(SameContent(*original, *parse(make("m", 0, 32))));
}

TEST(SameContent, KindsAndCountsMatter) {
  BtfBuilder a;
  a.Struct("s", 8);
  BtfBuilder b;
  b.Union("s", 8);
  EXPECT_FALSE(Same(a, b));
  BtfBuilder c;
  c.Struct("s", 8);
  c.Ptr(1);
  EXPECT_FALSE(Same(a, c));
}

}  // namespace
}  // namespace btfd::engine
