// SPDX-License-Identifier: Apache-2.0
//
// What is translated for libbpf 1.1, and what it must never be given. (Real
// kernels are written and compiled in tests/e2e.)
#include "lib/show/c_text.h"

#include <memory_resource>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "lib/btf/testing/builder.h"
#include "lib/show/c_check.h"
#include "tests/support/process.h"

namespace btfd::show {
namespace {

using btf::TypeId;
using btf::testing::BtfBuilder;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

// The header, or why there is none. Empty `roots`: all own types.
std::string C(const std::string& raw, const std::vector<TypeId>& roots = {},
              const btf::Base* base = nullptr) {
  std::pmr::monotonic_buffer_resource memory;
  const auto btf = btf::Btf::Parse(raw, base, ".BTF", &memory);
  if (!btf.ok()) return std::string(btf.status().message());
  util::WorkBudget work = util::WorkBudget::ForInput(raw.size());
  std::string text;
  const absl::Status status = roots.empty()
                                  ? AppendC(*btf, &work, &text)
                                  : AppendC(*btf, roots, &work, &text);
  return status.ok() ? text : std::string(status.message());
}
std::string C(const BtfBuilder& builder,
              const std::vector<TypeId>& roots = {}) {
  return C(builder.Build(), roots);
}

void ExpectCompiles(const std::string& header,
                    const std::string& option = "-w") {
  const tests::ProcessResult result = tests::RunProcess(
      {"gcc", "-x", "c", "-fsyntax-only", option, "-"}, {{}, "", header});
  EXPECT_EQ(result.exit_code, 0) << result.err << header;
}

TEST(CText, TypesAreDefinedInOrder) {
  BtfBuilder b;
  b.Struct("outer", 24,
           {{"in", 2, 0}, {"next", 4, 64}, {"call", 6, 128}});  // 1
  b.Struct("inner", 8, {{"x", 3, 0}, {"y", 3, 35, 5}});         // 2
  b.Int("int", 4);                                              // 3
  b.Ptr(1);                                                     // 4
  b.Proto(0, {{"p", 4}, {"", 0}});                              // 5
  b.Ptr(5);                                                     // 6
  const std::string text = C(b);
  EXPECT_THAT(
      text, HasSubstr("struct inner {\n\tint x;\n\tchar: 3;\n\tint y: 5;\n};\n"
                      "\nstruct outer {\n\tstruct inner in;\n"
                      "\tstruct outer *next;\n"
                      "\tvoid (*call)(struct outer *p, ...);\n};\n"));
  ExpectCompiles(text);
}

TEST(CText, WhatLibbpfDoesNotKnowIsTranslated) {
  BtfBuilder b;
  b.form().hdr_len = btf::kExtendedHeaderSize;
  b.form().layout = btf::testing::StandardLayout();
  const TypeId i32 = b.Int("int", 4);
  const TypeId attribute =
      b.TypeTag("address_space(1)", i32, /*attribute=*/true);
  const TypeId tag = b.TypeTag("user", i32);
  b.Struct("s", 24,
           {{"a", b.Ptr(attribute), 0},
            {"b", b.Ptr(tag), 64},
            {"c", b.Ptr(b.Proto(0)), 128}});
  const std::string text = C(b);
  EXPECT_THAT(
      text,
      HasSubstr("struct s {\n\tint __attribute__((address_space(1))) *a;\n"
                "\tint __attribute__((btf_type_tag(\"user\"))) *b;\n"
                "\tvoid (*c)(void);\n};\n"));
  ExpectCompiles(text);
}

TEST(CText, SplitBtfBringsWhatItNeedsOfItsBase) {
  BtfBuilder base;
  const TypeId i32 = base.Int("int", 4);
  base.Struct("unused", 4, {{"x", i32, 0}});
  const TypeId used = base.Struct("used", 4, {{"x", i32, 0}});
  BtfBuilder split(base);
  split.Struct("mine", 4, {{"u", used, 0}});
  const auto indexed = btf::Base::Build(base.Build());
  const std::string text = C(split.Build(), {}, indexed->get());
  EXPECT_THAT(text, AllOf(HasSubstr("struct used {\n\tint x;\n};\n\n"
                                    "struct mine {\n\tstruct used u;\n};\n"),
                          Not(HasSubstr("unused"))));
  ExpectCompiles(text);
}

TEST(CText, KfuncsAreDeclaredForPrograms) {
  BtfBuilder b;
  const TypeId i32 = b.Int("int", 4);
  const TypeId proto = b.Proto(i32, {{"x", i32}});
  b.DeclTag("bpf_kfunc", b.Func("b_kfunc", proto));
  const TypeId fast = b.Func("a_kfunc", b.Proto(0));
  b.DeclTag("bpf_kfunc", fast);
  b.DeclTag("bpf_fastcall", fast);
  b.Func("no_kfunc", proto);
  const std::string text = C(b);
  EXPECT_THAT(text,
              AllOf(HasSubstr("#ifndef BPF_NO_KFUNC_PROTOTYPES\n"
                              "extern __bpf_fastcall void a_kfunc(void) __weak "
                              "__ksym;\n"
                              "extern int b_kfunc(int x) __weak __ksym;\n"
                              "#endif\n"),
                    Not(HasSubstr("no_kfunc"))));
  ExpectCompiles(text);
}

TEST(CText, RootsOfEveryKindAreWritten) {
  BtfBuilder b;
  const TypeId i32 = b.Int("int", 4);
  const TypeId s = b.Struct("s", 4, {{"x", i32, 0}});
  const TypeId ptr = b.Ptr(s);  // 3
  const TypeId func = b.Func("fn", b.Proto(ptr, {{"a", i32}}));
  const TypeId var = b.Var("v", s);
  const TypeId data = b.Datasec(".data", 4, {{var, 0, 4}});
  const TypeId anonymous = b.Struct("", 4, {{"y", i32, 0}});  // 8
  const TypeId values = b.Enum("", 4, {{"A", 1}});
  const TypeId tag = b.DeclTag("t", s);
  const std::string text = C(b, {func, data, anonymous, values, ptr, tag});
  EXPECT_THAT(text, AllOf(HasSubstr("extern struct s *fn(int a);\n"),
                          HasSubstr("struct s {\n\tint x;\n};\n"),
                          HasSubstr("extern struct s v;\n"),
                          HasSubstr("typedef struct {\n\tint y;\n} type_8;\n"),
                          HasSubstr("enum {\n\tA = 1,\n};\n"),
                          HasSubstr("typedef struct s *type_3;\n")));
  ExpectCompiles(text);
}

// What a prototype is the first to name must be known behind it as well.
TEST(CText, WhatAPrototypeNamesIsDeclaredBeforeIt) {
  BtfBuilder base;
  const TypeId far = base.Struct("far", 8, {{"self", base.next_id() + 1, 0}});
  const TypeId ptr = base.Ptr(far);
  const TypeId other = base.Struct("other", 0);
  const TypeId typedef_ptr = base.Ptr(base.Typedef("other_t", other));
  const TypeId proto = base.Proto(0, {{"a", ptr}, {"b", typedef_ptr}});
  const TypeId func = base.Func("fn", proto);
  const std::string use = "void use(struct far *a, other_t *b) { fn(a, b); }\n";
  const std::string alone = C(base, {func});
  EXPECT_THAT(alone, HasSubstr("struct far;\n\n"));
  ExpectCompiles(alone + use, "-Werror=incompatible-pointer-types");

  BtfBuilder split(base);
  split.DeclTag("bpf_kfunc", split.Func("fn", proto));
  const auto indexed = btf::Base::Build(base.Build());
  ExpectCompiles(C(split.Build(), {}, indexed->get()) + use,
                 "-Werror=incompatible-pointer-types");
}

TEST(CText, WhatIsMadeOfItselfIsRefused) {
  BtfBuilder pointers;
  pointers.Ptr(2);
  pointers.Ptr(1);
  EXPECT_THAT(C(pointers), HasSubstr("(PTR (anon)) is made of itself"));
  BtfBuilder typedefs;
  typedefs.Typedef("a", 2);
  typedefs.Typedef("b", 1);
  EXPECT_THAT(C(typedefs), HasSubstr("type 1 (TYPEDEF a) is made of itself"));
  BtfBuilder embedded;
  embedded.Struct("a", 4, {{"b", 2, 0}});
  embedded.Array(1, 1, 1);
  EXPECT_THAT(C(embedded), HasSubstr("type 1 (STRUCT a) is made of itself"));
  BtfBuilder anonymous;
  anonymous.Struct("", 8, {{"p", 2, 0}});
  anonymous.Ptr(1);
  EXPECT_THAT(C(anonymous), HasSubstr("is made of itself"));
}

TEST(CText, DeepAndWideTypesAreRefused) {
  BtfBuilder deep;
  TypeId last = deep.Int("int", 4);
  for (int i = 0; i < 200'000; ++i) last = deep.Ptr(last);
  EXPECT_THAT(C(deep), HasSubstr("is nested more than 1000 types deep"));
  // From the top, and where what is nested is known already.
  EXPECT_THAT(C(deep, {last}), HasSubstr("is nested more than 1000 types"));

  // Each level is written twice in the next: 2^60 pieces in all.
  BtfBuilder wide;
  last = wide.Int("int", 4);
  for (int i = 0; i < 60; ++i) {
    last = wide.Struct("", 8, {{"a", last, 0}, {"b", last, 0}});
  }
  EXPECT_THAT(C(wide, {last}), HasSubstr("steps, which no sensible input"));
  // Named ones are written once, but the alignment is looked for in each.
  BtfBuilder aligned;
  last = aligned.Int("int", 4);
  for (int i = 0; i < 60; ++i) {
    last = aligned.Struct(absl::StrCat("s", i), 8,
                          {{"a", last, 0}, {"b", last, 0}});
  }
  EXPECT_THAT(C(aligned, {last}), HasSubstr("steps, which no sensible input"));

  // Gaps are filled by 8 bytes a line.
  BtfBuilder gap;
  gap.Int("int", 4);
  for (int i = 0; i < 200; ++i) {
    gap.Struct(absl::StrCat("gap", i), 100'000'000, {{"a", 1, 0}});
  }
  EXPECT_THAT(C(gap), HasSubstr("steps, which no sensible input"));
  BtfBuilder huge;
  huge.Struct("huge", 0x7fffffff, {});
  EXPECT_THAT(C(huge), HasSubstr("is too large"));
}

TEST(CText, WhatIsNoTypeInCIsRefused) {
  const auto with_member = [](BtfBuilder& b, TypeId member) {
    b.Struct("s", 8, {{"m", member, 0}});
    return C(b);
  };
  BtfBuilder b1, b2, b3, b4, b5, b6, b7;
  EXPECT_THAT(with_member(b1, 0),
              HasSubstr("has a member, 0, that has no size"));
  EXPECT_THAT(with_member(b2, b2.Int("int", 0)), HasSubstr("no size"));
  EXPECT_THAT(with_member(b3, b3.Proto(0)), HasSubstr("no size"));
  EXPECT_THAT(with_member(b4, b4.Fwd("f")), HasSubstr("no size"));
  EXPECT_THAT(with_member(b5, b5.Func("f", b5.Proto(0))),
              HasSubstr("type 3 (STRUCT s) refers to a FUNC"));
  EXPECT_THAT(with_member(b6, b6.Var("v", 0)), HasSubstr("refers to a VAR"));
  b7.Proto(99);
  EXPECT_THAT(C(b7), HasSubstr("refers beyond the last type"));

  BtfBuilder unknown;
  unknown.form().hdr_len = btf::kExtendedHeaderSize;
  unknown.form().layout =
      btf::testing::StandardLayout() + btf::testing::LayoutEntry(0, 0);
  const TypeId strange =
      unknown.Raw("strange", btf::MakeInfo(btf::Kind(20), 0, false), 0);
  EXPECT_THAT(C(unknown), HasSubstr("/* type 1 is of kind 20, for which C has "
                                    "no words */"));
  unknown.Ptr(strange);
  EXPECT_THAT(C(unknown), HasSubstr("type 2 (PTR (anon)) refers to a UNKNOWN"));
  EXPECT_THAT(C(unknown, {strange}), HasSubstr("no words for"));
}

// A header is compiled: a name is not to bring lines of its own.
TEST(CText, NamesThatAreNoIdentifiersAreRefused) {
  for (const char* name :
       {"a; int b", "a\n#include \"x\"", "1a", "a.b", "\x01"}) {
    BtfBuilder type, member, value, func;
    type.Struct(name, 0);
    EXPECT_THAT(C(type), HasSubstr("has a name that C cannot spell")) << name;
    member.Struct("s", 4, {{name, member.next_id() + 1, 0}});
    member.Int("int", 4);
    EXPECT_THAT(C(member), HasSubstr("has a name that C cannot spell")) << name;
    value.Enum("e", 4, {{name, 1}});
    EXPECT_THAT(C(value), HasSubstr("has a name that C cannot spell")) << name;
    func.Func(name, func.Proto(0));
    EXPECT_THAT(C(func, {2}), HasSubstr("a name that C cannot spell")) << name;
  }
  BtfBuilder tag;
  tag.Ptr(tag.TypeTag("a\")))) int x; /*", 0));
  EXPECT_THAT(C(tag), HasSubstr("has a name that C cannot spell"));
  BtfBuilder spaces;
  spaces.Int("unsigned int", 4);
  EXPECT_THAT(C(spaces), Not(HasSubstr("cannot spell")));
}

}  // namespace
}  // namespace btfd::show
