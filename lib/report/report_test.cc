// SPDX-License-Identifier: Apache-2.0
//
// What a report counts, on modules that are written out here.
#include "lib/report/report.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "lib/btf/base.h"
#include "lib/btf/dedup_index.h"
#include "lib/btf/testing/builder.h"
#include "lib/report/functions.h"
#include "lib/report/measure.h"
#include "lib/report/render.h"
#include "lib/report/type_keys.h"
#include "tests/support/json.h"

namespace btfd::report {
namespace {

using btf::Kind;
using btf::TypeId;
using btf::testing::BtfBuilder;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

// struct pair { long a; struct list *next; }, and what it needs.
TypeId AddPair(BtfBuilder* types, const char* second = "next") {
  const TypeId number = types->Int("long", 8);
  const TypeId list =
      types->Struct("list", 8, {{"first", types->next_id() + 1}});
  const TypeId pointer = types->Ptr(list);
  return types->Struct("pair", 16, {{"a", number}, {second, pointer, 64}});
}

// A base, and modules over it.
class ReportTest : public ::testing::Test {
 protected:
  void SetUp() override {
    AddPair(&base_types_);
    base_types_.Fwd("declared");
    auto base = btf::Base::Build(base_types_.Build());
    ASSERT_TRUE(base.ok()) << base.status();
    base_ = *base;
    auto index = btf::DedupIndex::Build(*base_);
    ASSERT_TRUE(index.ok()) << index.status();
    index_ = *index;
    auto keys = BaseKeys::Make(*base_);
    ASSERT_TRUE(keys.ok()) << keys.status();
    keys_ = std::make_unique<BaseKeys>(*std::move(keys));
  }

  absl::StatusOr<ModuleSizes> MeasureOver(const std::string& raw,
                                          bool over_base = true) {
    ModuleInput input;
    input.btf = raw;
    if (over_base) {
      input.base = keys_.get();
      input.dedup_index = index_.get();
    }
    return Measure(input);
  }
  void Add(const std::string& name, const BtfBuilder& module) {
    auto sizes = MeasureOver(module.Build());
    ASSERT_TRUE(sizes.ok()) << sizes.status();
    report_.Add(name, *std::move(sizes));
  }

  BtfBuilder base_types_;
  std::shared_ptr<const btf::Base> base_;
  std::shared_ptr<const btf::DedupIndex> index_;
  std::unique_ptr<BaseKeys> keys_;
  Report report_;
};

std::vector<std::string> NamesInBase(const ModuleSizes& sizes) {
  std::vector<std::string> names;
  for (const ModuleType& type : sizes.types) {
    if (type.in_base && !type.name.empty()) names.push_back(type.name);
  }
  return names;
}

TEST_F(ReportTest, TypesOfOtherIdsAreTheSame) {
  BtfBuilder module(base_types_);
  module.Int("other", 4);
  AddPair(&module);
  const auto sizes = MeasureOver(module.Build());
  ASSERT_TRUE(sizes.ok()) << sizes.status();
  EXPECT_THAT(NamesInBase(*sizes), ElementsAre("long", "list", "pair"));
  // The pointer has no name, and is the base's all the same.
  EXPECT_TRUE(sizes->types[3].in_base);
  EXPECT_EQ(sizes->types[3].kind, Kind::kPtr);
}

TEST_F(ReportTest, AnotherNameSizeOrTypeOfAPartMakesAnotherType) {
  BtfBuilder module(base_types_);
  AddPair(&module, "previous");
  const TypeId number = module.Int("long", 8);
  module.Struct("pair", 24, {{"a", number}, {"next", number, 64}});
  module.Struct("pair", 16, {{"a", number}, {"next", number, 64}});
  const auto sizes = MeasureOver(module.Build());
  ASSERT_TRUE(sizes.ok()) << sizes.status();
  EXPECT_THAT(NamesInBase(*sizes), ElementsAre("long", "list", "long"));
}

TEST_F(ReportTest, AReferenceToADeclarationIsOneToWhatItDeclares) {
  BtfBuilder a(base_types_);
  a.Struct("user", 8, {{"p", a.next_id() + 1}});
  a.Ptr(a.next_id() + 1);
  a.Fwd("shown");
  BtfBuilder b(base_types_);
  b.Struct("user", 8, {{"p", b.next_id() + 1}});
  b.Ptr(b.next_id() + 1);
  b.Struct("shown", 4);
  Add("a", a);
  Add("b", b);
  report_.Finish();
  ASSERT_THAT(report_.repeated(), SizeIs(1));
  EXPECT_EQ(report_.repeated()[0].name, "user");
  EXPECT_EQ(report_.repeated()[0].modules, 2u);
}

TEST_F(ReportTest, EachByteIsCountedOnce) {
  BtfBuilder module(base_types_);
  AddPair(&module);
  const TypeId proto = module.Proto(0, {{"argument", module.Int("char", 1)}});
  module.Func("function", proto);
  const std::string raw = module.Build();
  const auto sizes = MeasureOver(raw);
  ASSERT_TRUE(sizes.ok()) << sizes.status();
  uint64_t types = 0, bytes = 0, of_types = 0;
  for (const KindSize& kind : sizes->kinds) {
    types += kind.types;
    bytes += kind.bytes;
  }
  for (const ModuleType& type : sizes->types) of_types += type.bytes;
  EXPECT_EQ(types, 7u);
  EXPECT_EQ(bytes, of_types);
  EXPECT_EQ(sizes->btf_bytes, raw.size());
  EXPECT_EQ(bytes + sizes->string_bytes + btf::kClassicHeaderSize, raw.size());
  EXPECT_EQ(sizes->kinds[static_cast<size_t>(Kind::kStruct)].types, 2u);
  EXPECT_EQ(sizes->kinds[static_cast<size_t>(Kind::kStruct)].bytes,
            12u + 12 + 12 + 2 * 12);
}

TEST_F(ReportTest, SaysWhatGoesByDedupAndByDistilling) {
  BtfBuilder module(base_types_);
  AddPair(&module);
  module.Struct("own", 4, {{"number", module.next_id() + 1}});
  module.Int("int", 4);
  const std::string raw = module.Build();
  const auto sizes = MeasureOver(raw);
  ASSERT_TRUE(sizes.ok()) << sizes.status();
  ASSERT_TRUE(sizes->why_not.ok()) << sizes->why_not;
  // What is left: two records, their names, and those of the copies, which
  // dedup drops with them.
  EXPECT_EQ(*sizes->deduplicated, btf::kClassicHeaderSize + 24 + 16 +
                                      sizeof("own") + sizeof("number") +
                                      sizeof("int"));
  EXPECT_TRUE(sizes->distilled_btf.has_value());
  EXPECT_GT(*sizes->distilled_base, 0u);
  // Without a base there is nothing that could be said.
  BtfBuilder alone;
  AddPair(&alone);
  const auto without = MeasureOver(alone.Build(), /*over_base=*/false);
  ASSERT_TRUE(without.ok()) << without.status();
  EXPECT_FALSE(without->deduplicated.has_value());
}

TEST_F(ReportTest, SumsUpWhatModulesHaveInCommon) {
  for (const char* name : {"z/c.ko", "z/a.ko", "z/b.ko"}) {
    BtfBuilder module(base_types_);
    AddPair(&module);
    // Of all three; of two; of one alone, and twice in it.
    module.Struct("shared", 8, {});
    if (name[2] != 'b') module.Union("of two", 4, {});
    if (name[2] == 'c') {
      module.Enum("mine", 4, {{"ONE", 1}});
      module.Enum("mine", 4, {{"ONE", 1}});
    }
    Add(name, module);
  }
  report_.AddFailure("z/broken.ko", absl::InvalidArgumentError("is broken"));
  report_.Finish();
  std::vector<std::string> names;
  for (const ModuleLine& line : report_.modules()) names.push_back(line.name);
  EXPECT_THAT(names, ElementsAre("z/a.ko", "z/b.ko", "z/broken.ko", "z/c.ko"));
  const Summary& sum = report_.summary();
  EXPECT_EQ(sum.modules, 3u);
  EXPECT_EQ(sum.failed, 1u);
  EXPECT_EQ(sum.copied_bytes, 3u * (16 + 24 + 12 + 36));
  EXPECT_EQ(sum.modules_with_copies, 3u);
  EXPECT_EQ(sum.repeated_bytes, 3u * 12 + 2u * 12);
  EXPECT_EQ(sum.repeated_once_bytes, 24u);
  EXPECT_EQ(sum.alone_bytes, 2u * 20);
  EXPECT_EQ(sum.twin_bytes, 20u);
  EXPECT_EQ(sum.modules_with_twins, 1u);
  // By bytes in all modules; what one module alone has is not among them.
  std::vector<std::string> types;
  for (const RepeatedType& type : report_.repeated()) {
    types.push_back(absl::StrCat(type.name, " ", type.modules));
  }
  EXPECT_THAT(
      types, ElementsAre("pair 3", "list 3", "long 3", "shared 3", "of two 2"));
}

TEST_F(ReportTest, TheVerdictNamesWhatMattersMost) {
  for (int i = 0; i < 4; ++i) {
    BtfBuilder module(base_types_);
    AddPair(&module);
    Add(absl::StrCat(i, ".ko"), module);
  }
  report_.Finish();
  const std::vector<std::string> verdict = Verdict(report_);
  ASSERT_THAT(verdict, SizeIs(3));
  EXPECT_THAT(verdict[0],
              AllOf(HasSubstr("goes by dedup against the base: 4 modules carry "
                              "types that the base has as well")));
  EXPECT_THAT(verdict[1], StartsWith("Most of it: STRUCT pair in 4 modules, "));
  const std::string text = Text(report_, {"Linux X", "vmlinux"}, 2);
  EXPECT_THAT(text, AllOf(StartsWith("Linux X: 4 modules, "),
                          HasSubstr(verdict[0]), HasSubstr("STRUCT pair"),
                          HasSubstr("No module has a symbol table")));
}

TEST_F(ReportTest, ADeduplicatedModuleIsCalledSo) {
  BtfBuilder module(base_types_);
  module.Struct("own", 8, {});
  Add("own.ko", module);
  report_.Finish();
  EXPECT_THAT(Verdict(report_)[0],
              StartsWith("The modules are deduplicated against the base"));
}

TEST_F(ReportTest, JsonHasALineForEachModuleAndASummary) {
  BtfBuilder module(base_types_);
  AddPair(&module);
  Add("a.ko", module);
  report_.AddFailure("b.ko", absl::InvalidArgumentError("is broken"));
  report_.Finish();
  const std::vector<std::string> lines = absl::StrSplit(
      JsonLines(report_, {"what", "base"}, 10), '\n', absl::SkipEmpty());
  ASSERT_THAT(lines, SizeIs(3));
  EXPECT_EQ(tests::JsonAt(lines[0], "module"), "a.ko");
  EXPECT_EQ(tests::JsonAt(lines[0], "kinds.STRUCT.types"), "2");
  EXPECT_EQ(tests::JsonAt(lines[0], "copied_types"), "4");
  EXPECT_EQ(tests::JsonAt(lines[1], "error"), "is broken");
  EXPECT_EQ(tests::JsonAt(lines[2], "summary.modules"), "1");
  EXPECT_EQ(tests::JsonAt(lines[2], "summary.failed"), "1");
  EXPECT_EQ(tests::JsonAt(lines[2], "summary.types.0.name"), "pair");
}

// A name of a type is no HTML, and ends no script.
TEST_F(ReportTest, NothingInAModuleGetsIntoThePageAsMarkup) {
  BtfBuilder module(base_types_);
  module.Struct("</script><b>\"\\", 4);
  Add("x/</script><i>.ko", module);
  BtfBuilder same(base_types_);
  same.Struct("</script><b>\"\\", 4);
  Add("x/b.ko", same);
  report_.Finish();
  const std::string page = Page(report_, {"<u>", "base"});
  EXPECT_THAT(page, StartsWith("<!DOCTYPE html>"));
  EXPECT_THAT(page, AllOf(Not(HasSubstr("</script><")), Not(HasSubstr("<u>")),
                          HasSubstr("\\u003c/script>\\u003cb>\\\"\\\\"),
                          HasSubstr("[\"\\u003c/script>\\u003ci>.ko\",")));
  size_t ends = 0;
  for (size_t at = 0; (at = page.find("</script", at)) != std::string::npos;
       ++at) {
    ++ends;
  }
  EXPECT_EQ(ends, 1u);
  EXPECT_THAT(page,
              AllOf(Not(HasSubstr("http://")), Not(HasSubstr("https://"))));
}

TEST_F(ReportTest, FunctionsWithoutAFuncAreNamedWithTheReason) {
  BtfBuilder types;
  const TypeId proto = types.Proto(0);
  types.Func("there", proto);
  const std::string raw = types.Build();
  const auto functions = [&raw](const FunctionSymbols& symbols, bool has_dwarf,
                                std::map<std::string, std::string> skipped) {
    ModuleInput input;
    input.btf = raw;
    input.has_symbols = true;
    input.symbols = symbols;
    input.has_dwarf = has_dwarf;
    input.skipped = std::move(skipped);
    const auto sizes = Measure(input);
    EXPECT_TRUE(sizes.ok()) << sizes.status();
    std::vector<std::string> lines;
    for (const MissingFunction& missing : sizes->functions->missing) {
      lines.push_back(absl::StrCat(missing.name, ": ", missing.reason));
    }
    EXPECT_EQ(sizes->functions->in_btf, 1u);
    return lines;
  };
  const FunctionSymbols symbols = {"there",      "there.cold", "init_module",
                                   "__pfx_gone", "gone",       "changed.isra.0",
                                   "twice",      "twice",      "halved.part.0",
                                   "seldom.cold"};
  EXPECT_THAT(
      functions(symbols, false, {}),
      ElementsAre("changed: the compiler made another function of it (.isra)",
                  "gone: not known without DWARF",
                  "halved: the compiler made another function of it (.part)",
                  "twice: several functions have the name"));
  EXPECT_THAT(functions({"gone", "odd"}, true, {{"gone", "is optimized"}}),
              ElementsAre("gone: is optimized",
                          "odd: DWARF has no function of that name"));
}

// Hostile BTF costs in proportion to its size.
TEST_F(ReportTest, ChainsAndCirclesEnd) {
  BtfBuilder module(base_types_);
  for (int i = 0; i < 300000; ++i) module.Ptr(module.next_id() + 1);
  module.Ptr(module.first_id());  // back to the first
  const auto sizes = MeasureOver(module.Build());
  if (sizes.ok()) {
    EXPECT_THAT(sizes->types, SizeIs(300001));
  } else {
    EXPECT_FALSE(sizes.status().message().empty());
  }
}

TEST_F(ReportTest, LongNamesThatAreSharedAreNotReadOverAndOver) {
  BtfBuilder module(base_types_);
  const uint32_t name = module.String(std::string(1 << 20, 'x'));
  std::vector<btf::testing::MemberSpec> members;
  for (int i = 0; i < 60000; ++i) {
    members.push_back(
        {btf::testing::Name::At(name), 1, static_cast<uint32_t>(i) * 64});
  }
  module.Struct("all", 480000, members);
  const auto sizes = MeasureOver(module.Build());
  EXPECT_EQ(sizes.status().code(), absl::StatusCode::kResourceExhausted)
      << sizes.status();
}

TEST_F(ReportTest, OfALongNameTheBeginningIsKept) {
  BtfBuilder module(base_types_);
  const auto name =
      btf::testing::Name::At(module.String(std::string(100000, 'x')));
  for (int i = 0; i < 1000; ++i) module.Struct(name, 8 + i);
  const auto sizes = MeasureOver(module.Build());
  ASSERT_TRUE(sizes.ok()) << sizes.status();
  EXPECT_EQ(sizes->types[999].name, std::string(512, 'x'));
}

TEST_F(ReportTest, DefectiveBtfIsNamed) {
  EXPECT_EQ(MeasureOver("no BTF").status().code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace btfd::report
