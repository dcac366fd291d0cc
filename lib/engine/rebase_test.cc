// SPDX-License-Identifier: Apache-2.0
#include "lib/engine/rebase.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "lib/btf/testing/builder.h"
#include "lib/btf/testing/dump.h"
#include "lib/util/arena.h"

namespace btfd::engine {
namespace {

using btf::TypeId;
using btf::testing::BtfBuilder;
using ::testing::HasSubstr;

class RebaseTest : public ::testing::Test {
 protected:
  std::string Rebased(const BtfBuilder& standalone) {
    auto base = btf::Base::Build(base_.Build());
    EXPECT_TRUE(base.ok()) << base.status();
    auto source = btf::Btf::Parse(standalone.Build(), nullptr, ".BTF", &arena_);
    EXPECT_TRUE(source.ok()) << source.status();
    auto split = Rebase(*source, **base, 32);
    code_ = split.status().code();
    if (!split.ok()) return std::string(split.status().message());
    own_strings_ = std::string(split->own_strings());
    return btf::testing::Dump(*split);
  }

  util::Arena arena_;
  BtfBuilder base_;
  std::string own_strings_;
  absl::StatusCode code_ = absl::StatusCode::kOk;
};

TEST_F(RebaseTest, IdsAreShiftedAndNothingIsMergedYet) {
  base_.Int("int", 4);
  BtfBuilder standalone;
  const TypeId i32 = standalone.Int("int", 4);
  standalone.Struct("own", 8, {{"m", i32, 0}, {"v", 0, 32}});
  EXPECT_EQ(Rebased(standalone),
            "[2] INT 'int' size=4 encoding=0x1000020\n"
            "[3] STRUCT 'own' size=8\n"
            "    'm' type=2 offset=0\n"
            "    'v' type=0 offset=32\n");
}

TEST_F(RebaseTest, StringsOfTheBaseAreUsedAndOthersAddedOnce) {
  base_.Int("int", 4);
  BtfBuilder standalone;
  standalone.ShareStrings(false);
  standalone.AppendString("never used");
  standalone.Typedef("own", 0);
  standalone.Typedef("int", 0);
  standalone.Typedef("own", 0);
  Rebased(standalone);
  EXPECT_EQ(own_strings_, std::string("own\0", 4));
}

TEST_F(RebaseTest, ABaseThatMustNotBeTouchedIsRefused) {
  base_.form().hdr_len = 40;
  base_.form().header_extra = std::string(8, 'x');
  EXPECT_THAT(Rebased(BtfBuilder()), HasSubstr("base: its header"));
  EXPECT_EQ(code_, absl::StatusCode::kFailedPrecondition);
}

// A residue put over base_, or over none.
class ResidueTest : public RebaseTest {
 protected:
  std::string Added(const BtfBuilder& residue, bool over_base) {
    auto base = btf::Base::Build(base_.Build());
    EXPECT_TRUE(base.ok()) << base.status();
    auto source = btf::Btf::Parse(residue.Build(), nullptr, ".BTF", &arena_);
    EXPECT_TRUE(source.ok()) << source.status();
    auto made = AddResidue(*source, over_base ? base->get() : nullptr, 24);
    if (!made.ok()) return std::string(made.status().message());
    own_strings_ = std::string(made->own_strings());
    raw_.clear();
    made->Serialize(&raw_);
    return btf::testing::Dump(*made);
  }
  std::string raw_;
};

TEST_F(ResidueTest, StringsKeepTheirOrderAndThoseThatNothingRefersTo) {
  base_.Int("int", 4);
  BtfBuilder residue;
  for (const char* text : {"unused", "int", "b", "a"}) residue.String(text);
  residue.Typedef("a", residue.Int("b", 4));
  EXPECT_THAT(Added(residue, false), HasSubstr("[2] TYPEDEF 'a' type=1"));
  EXPECT_EQ(own_strings_, std::string("\0unused\0int\0b\0a\0", 16));
  EXPECT_EQ(raw_, residue.Build());
  EXPECT_THAT(Added(residue, true), HasSubstr("[3] TYPEDEF 'a' type=2"));
  EXPECT_EQ(own_strings_, std::string("unused\0b\0a\0", 11));
}

TEST_F(ResidueTest, TheByteOrderIsItsOwnAndTheHeaderWhatIsAskedFor) {
  base_.Int("int", 4);
  BtfBuilder residue;
  residue.form().big_endian = true;
  residue.form().hdr_len = btf::kExtendedHeaderSize;
  residue.Int("own", 4);
  Added(residue, true);
  EXPECT_EQ(raw_.substr(0, 8), std::string("\xeb\x9f\1\0\0\0\0\x18", 8));
}

}  // namespace
}  // namespace btfd::engine
