// SPDX-License-Identifier: Apache-2.0
//
// The header, chains of types, and what kernels differ in. What is asked of a
// record is in kernel_check_types_test.cc. That the kernel judges the same is
// tests/qemu's business.
#include "lib/engine/kernel_check/kernel_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "lib/btf/testing/builder.h"
#include "lib/engine/kernel_check/test_util.h"

namespace btfd::engine {
namespace {

using btf::TypeId;
using btf::testing::BtfBuilder;
using btf::testing::LayoutEntry;
using btf::testing::StandardLayout;
using ::testing::HasSubstr;

TEST(KernelCheck, HeaderOfAnotherVersionOrWithFlagsIsRefused) {
  BtfBuilder b;
  b.Int("int", 4);
  EXPECT_EQ(CheckResult(b), "ok");
  b.form().version = 2;
  EXPECT_EQ(CheckResult(b),
            ".BTF: offset 2: version 2, and the kernel knows only 1");
  b.form().version = 1;
  b.form().flags = 1;
  EXPECT_EQ(CheckResult(b),
            ".BTF: offset 3: flags 1, and the kernel knows none");
}

TEST(KernelCheck, ContentBehindTheKnownHeaderIsRefused) {
  BtfBuilder b;
  b.Int("int", 4);
  b.form().hdr_len = 40;
  EXPECT_EQ(CheckResult(b), "ok");
  b.form().header_extra = std::string("\0\1", 2);
  EXPECT_EQ(CheckResult(b),
            ".BTF: offset 33: the header has content behind the 32 "
            "bytes that the kernel knows");
}

TEST(KernelCheck, ALayoutIsForKernelsThatKnowIt) {
  BtfBuilder b;
  b.Int("int", 4);
  b.form().hdr_len = 32;
  KernelRules older;
  older.header_size = 24;
  EXPECT_EQ(CheckResult(b, older), "ok");
  b.form().layout = StandardLayout();
  EXPECT_EQ(CheckResult(b), "ok");
  EXPECT_EQ(CheckResult(b, older),
            ".BTF: offset 24: the header has content behind "
            "the 24 bytes that the kernel knows");
}

TEST(KernelCheck, NothingMayLieBetweenOrBehindTheSections) {
  struct Case {
    std::function<void(btf::testing::BlobForm*)> spoil;
    std::string words;
  };
  const Case cases[] = {
      {[](auto* form) { form->type_gap = 4; },
       "offset 8: a gap of 4 bytes before the types"},
      {[](auto* form) { form->layout_gap = 8; },
       "offset 24: a gap of 8 bytes between types and layout"},
      {[](auto* form) { form->string_gap = 1; },
       "offset 16: a gap of 1 bytes before the strings"},
      {[](auto* form) { form->trailing = std::string(3, '\0'); },
       "3 bytes that belong to no section"},
  };
  for (const Case& c : cases) {
    BtfBuilder b;
    b.Int("int", 4);
    b.form().hdr_len = 32;
    b.form().layout = StandardLayout();
    c.spoil(&b.form());
    EXPECT_THAT(CheckResult(b), HasSubstr(c.words));
  }
}

TEST(KernelCheck, TheByteOrderIsTheKernels) {
  BtfBuilder b;
  b.Int("int", 4);
  BtfBuilder swapped;
  swapped.Int("int", 4);
  swapped.form().big_endian = true;
  // Of two machines.
  for (const auto& [kernel, other] :
       {std::make_pair(&b, &swapped), std::make_pair(&swapped, &b)}) {
    const auto base = btf::Base::Build(kernel->Build());
    ASSERT_TRUE(base.ok()) << base.status();
    const KernelRules rules = KernelRulesOf(base->get());
    EXPECT_EQ(CheckResult(kernel->Build(), nullptr, rules), "ok");
    EXPECT_EQ(CheckResult(other->Build(), nullptr, rules),
              ".BTF: offset 0: byte order is not that of the kernel");
  }
}

TEST(KernelCheck, AKindThatOnlyALayoutDescribesIsRefused) {
  for (uint32_t kind : {0u, 20u}) {
    BtfBuilder b;
    b.Raw("", kind << 24, 0);
    b.form().hdr_len = 32;
    b.form().layout = StandardLayout() + LayoutEntry(0, 0);
    EXPECT_EQ(CheckResult(b), absl::StrCat(".BTF: type 1 (kind ", kind,
                                           "): there is no such kind"));
  }
}

TEST(KernelCheck, OverABaseWithoutTypesNothingMayReferToAType) {
  const BtfBuilder empty;
  EXPECT_EQ(CheckResult(empty), "ok");
  BtfBuilder split(empty);
  EXPECT_EQ(CheckResultOver(empty, split), "ok");
  split.Int("int", 4);
  split.Struct("s", 8);
  EXPECT_EQ(CheckResultOver(empty, split), "ok");
  split.Struct("s", 8, {{"a", 1, 0}});
  EXPECT_EQ(CheckResultOver(empty, split),
            ".BTF: type 3 (STRUCT s): it refers to a type, and .BTF.base has "
            "none: the kernel would take the next one instead");
  // Void is a type as well.
  BtfBuilder pointer(empty);
  pointer.Ptr(0);
  EXPECT_THAT(CheckResultOver(empty, pointer),
              HasSubstr("type 1 (PTR): it refers to a type"));
  BtfBuilder base;
  base.Int("int", 4);
  BtfBuilder usual(base);
  usual.Ptr(0);
  EXPECT_EQ(CheckResultOver(base, usual), "ok");
}

TEST(KernelCheck, NamesOfTheBaseAreCheckedWhereASplitUsesThem) {
  BtfBuilder base;
  base.Int("long int", 8);
  BtfBuilder split(base);
  split.Struct("long int", 8);
  EXPECT_EQ(CheckResultOver(base, split),
            ".BTF: type 2 (STRUCT long int): its name is no identifier");
  // What the base itself is like is not this BTF's fault.
  BtfBuilder other(base);
  other.Typedef("t", 1);
  EXPECT_EQ(CheckResultOver(base, other), "ok");
}

TEST(KernelCheck, StringsAreReadUpTo16MiB) {
  BtfBuilder base;
  base.Int("int", 4);
  base.AppendString(std::string(0xffffff - base.string_end() - 8, 'x'));
  BtfBuilder split(base);
  split.Struct("one", 4);  // starts below the limit
  EXPECT_EQ(CheckResultOver(base, split), "ok");
  split.AppendString("filler");
  split.Struct("two", 4);
  EXPECT_THAT(CheckResultOver(base, split),
              HasSubstr("type 3 (STRUCT two): its name is at string offset "
                        "16777219, and the kernel looks no further than "
                        "16777215"));
  BtfBuilder large;
  large.Int("int", 4);
  large.AppendString(std::string(0x1000000 - large.string_end(), 'x'));
  EXPECT_THAT(CheckResult(large),
              HasSubstr("16777217 bytes of strings, and the "
                        "kernel takes 16777216 at most"));
}

// The verdict on TYPEDEFs that each refer to the next one, or to the one
// before.
std::string CheckChain(int links, bool forward) {
  BtfBuilder b;
  const TypeId integer = b.Int("int", 4);
  for (int i = 0; i < links; ++i) {
    const TypeId next = i + 1 == links ? integer : b.next_id() + 1;
    b.Typedef("t", forward ? next : b.next_id() - 1);
  }
  return CheckResult(b);
}

TEST(KernelCheck, ChainsForwardAreAtMost32Long) {
  EXPECT_EQ(CheckChain(32, /*forward=*/true), "ok");
  EXPECT_EQ(CheckChain(33, /*forward=*/true),
            ".BTF: type 2 (TYPEDEF t): the chain of modifiers and typedefs "
            "behind it is a cycle, or longer than 32");
  // Backwards, each is one link behind what was judged before.
  EXPECT_EQ(CheckChain(100, /*forward=*/false), "ok");
}

TEST(KernelCheck, ACycleOfModifiersIsRefused) {
  BtfBuilder b;
  b.Const(b.next_id() + 1);
  b.Volatile(b.next_id() - 1);
  EXPECT_EQ(CheckResult(b),
            ".BTF: type 1 (CONST): the chain of modifiers and "
            "typedefs behind it is a cycle, or longer than 32");
  // Through a pointer it is the usual list.
  BtfBuilder list;
  list.Ptr(list.next_id() + 1);
  list.Typedef("list", list.next_id() - 1);
  EXPECT_EQ(CheckResult(list), "ok");
}

TEST(KernelCheck, TypeTagsComeFirstWhereTheKernelLooks) {
  BtfBuilder b;
  const TypeId integer = b.Int("int", 4);
  b.TypeTag("user", b.Const(integer));
  KernelRules rules;
  rules.type_tags_first = true;
  EXPECT_EQ(CheckResult(b, rules), "ok");
  const TypeId tag = b.TypeTag("user", integer);
  b.Const(tag);
  EXPECT_EQ(CheckResult(b), "ok");
  EXPECT_EQ(CheckResult(b, rules),
            absl::StrCat(".BTF: type 5 (CONST): it leads to the TYPE_TAG ", tag,
                         ", which this kernel takes only before all other "
                         "modifiers and typedefs"));
}

TEST(KernelCheck, AttributesAreForKernelsThatKnowThem) {
  KernelRules older;
  older.tag_attributes = false;
  BtfBuilder b;
  b.TypeTag("user", b.Int("int", 4));
  b.DeclTag("text", 1);
  EXPECT_EQ(CheckResult(b, older), "ok");
  b.TypeTag("address_space(1)", 1, /*attribute=*/true);
  EXPECT_EQ(CheckResult(b), "ok");
  EXPECT_EQ(CheckResult(b, older),
            ".BTF: type 4 (TYPE_TAG address_space(1)): its kind flag makes it "
            "an attribute, which this kernel does not know yet");
}

TEST(KernelCheck, AVlenOfMoreThan16BitsIsForKernelsThatKnowIt) {
  BtfBuilder b;
  const TypeId integer = b.Int("int", 4);
  b.Union("large", 4,
          std::vector<btf::testing::MemberSpec>(0x10000, {"m", integer}));
  EXPECT_EQ(CheckResult(b), "ok");
  KernelRules older;
  older.info_bits = 0x9f00ffff;
  EXPECT_EQ(CheckResult(b, older),
            ".BTF: type 2 (UNION large): its info word has bits set that this "
            "kernel does not know: 0x10000");
}

// A kernel says what its parser knows by the types that it is made of.
TEST(KernelRulesOf, TheKernelDescribesItsOwnParser) {
  BtfBuilder older;
  older.Struct("btf_header", 24);
  older.Func("btf_check_type_tags", older.Proto(0));
  BtfBuilder newer;
  newer.Struct("btf_header", 32);
  newer.Struct("bpf_res_spin_lock", 4);
  newer.Enum("btf_max", 4,
             {{"BTF_MAX_KIND", 0x7f}, {"BTF_MAX_VLEN", 0xffffff}});

  const auto old_base = btf::Base::Build(older.Build());
  ASSERT_TRUE(old_base.ok()) << old_base.status();
  const KernelRules old_rules = KernelRulesOf(old_base->get());
  EXPECT_EQ(old_rules.header_size, 24u);
  EXPECT_EQ(old_rules.info_bits, 0x9f00ffffu);
  EXPECT_FALSE(old_rules.tag_attributes);
  EXPECT_TRUE(old_rules.type_tags_first);

  const auto new_base = btf::Base::Build(newer.Build());
  ASSERT_TRUE(new_base.ok()) << new_base.status();
  const KernelRules new_rules = KernelRulesOf(new_base->get());
  const KernelRules newest = KernelRulesOf(nullptr);
  for (const KernelRules& rules : {new_rules, newest}) {
    EXPECT_EQ(rules.header_size, 32u);
    EXPECT_EQ(rules.info_bits, 0xffffffffu);
    EXPECT_TRUE(rules.tag_attributes);
    EXPECT_FALSE(rules.type_tags_first);
  }
}

}  // namespace
}  // namespace btfd::engine
