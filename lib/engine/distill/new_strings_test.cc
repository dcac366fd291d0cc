// SPDX-License-Identifier: Apache-2.0
#include "lib/engine/distill/new_strings.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>

#include "lib/btf/base.h"
#include "lib/btf/testing/builder.h"
#include "lib/util/arena.h"

namespace btfd::engine {
namespace {

using btf::testing::BtfBuilder;

// A split with "own" and "both" over a base with "base" and "both".
class NewStringsTest : public ::testing::Test {
 protected:
  NewStringsTest() {
    BtfBuilder base;
    base.Int("base", 4);
    base.Int("both", 4);
    BtfBuilder split(base);
    split.Int("own", 4);
    split.Int("other", 4);
    base_ = btf::Base::Build(base.Build()).value();
    split_ = std::make_unique<btf::Btf>(
        btf::Btf::Parse(split.Build(), base_.get(), ".BTF", &arena_).value());
  }
  // The old offset of a type's name.
  uint32_t NameOf(btf::TypeId id) const { return split_->type(id).name_off; }

  util::Arena arena_;
  std::shared_ptr<const btf::Base> base_;
  std::unique_ptr<btf::Btf> split_;
};

TEST_F(NewStringsTest, TheBasesTextsComeFirstAndTheSplitsBehindThem) {
  NewStrings strings(*split_);
  const uint32_t own = strings.Number(NameOf(3));
  const uint32_t shared = strings.Number(NameOf(2));
  EXPECT_EQ(own, 1u);
  EXPECT_EQ(shared, 2u);
  EXPECT_EQ(strings.Number(NameOf(3)), own) << "one number a text";
  strings.Reserve(2);
  EXPECT_EQ(strings.AddToBase(NameOf(1)), 1u);
  EXPECT_EQ(strings.AddToBase(NameOf(2)), 6u);
  EXPECT_EQ(strings.AddToBase(NameOf(1)), 1u) << "it is there already";
  EXPECT_EQ(strings.BaseSection(), (std::string_view("\0base\0both\0", 11)));
  strings.AddNumbered();
  EXPECT_EQ(strings.NewOffset(shared), 6u) << "that of the base";
  EXPECT_EQ(strings.NewOffset(own), 11u) << "behind the base's";
  EXPECT_EQ(strings.SplitSection(), (std::string_view("own\0", 4)));
}

TEST_F(NewStringsTest, AnonymousStaysAnonymous) {
  NewStrings strings(*split_);
  EXPECT_EQ(strings.Number(0), 0u);
  strings.Reserve(1);
  EXPECT_EQ(strings.AddToBase(0), 0u);
  strings.AddNumbered();
  EXPECT_EQ(strings.NewOffset(0), 0u);
}

TEST_F(NewStringsTest, TheEndOfATextBecomesATextOfItsOwn) {
  NewStrings strings(*split_);
  strings.Reserve(2);
  EXPECT_EQ(strings.AddToBase(NameOf(1)), 1u);
  EXPECT_EQ(strings.AddToBase(NameOf(1) + 2), 6u);
  EXPECT_EQ(strings.BaseSection(), (std::string_view("\0base\0se\0", 9)));
}

}  // namespace
}  // namespace btfd::engine
