// SPDX-License-Identifier: Apache-2.0
#include "lib/core/program.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "lib/core/testing/program_builder.h"

namespace btfd::core {
namespace {

using ::testing::HasSubstr;
using testing::ProgramBuilder;

// task.pid in one section, task.flags and the type itself in another.
class TwoSections : public ProgramBuilder {
 public:
  explicit TwoSections(bool big_endian = false);
};

TwoSections::TwoSections(bool big_endian) {
  ProgramBuilder& program = *this;
  program.types.form().big_endian = big_endian;
  const btf::TypeId i32 = program.types.Int("int", 4);
  const btf::TypeId task =
      program.types.Struct("task", 8, {{"pid", i32, 0}, {"flags", i32, 32}});
  program.Relocate(task, "0:0", RelocationKind::kFieldByteOffset, "kprobe/a");
  program.Relocate(task, "0:1", RelocationKind::kFieldSigned, "kprobe/b");
  program.Relocate(task, "0", RelocationKind::kTypeSize, "kprobe/b");
}

void ExpectTwoSections(const Program& program) {
  const btf::Btf& types = program.types();
  ASSERT_EQ(program.relocations().size(), 3u);
  const Relocation& first = program.relocations()[0];
  EXPECT_STREQ(types.string(first.section), "kprobe/a");
  EXPECT_STREQ(types.name(first.type), "task");
  EXPECT_STREQ(types.string(first.access), "0:0");
  const Relocation& last = program.relocations()[2];
  EXPECT_STREQ(types.string(last.section), "kprobe/b");
  EXPECT_EQ(last.kind, RelocationKind::kTypeSize);
  EXPECT_EQ(last.instruction, 16u);
}

TEST(EssentialName, EndsBeforeTheLastFlavour) {
  EXPECT_EQ(EssentialName("task_struct"), "task_struct");
  EXPECT_EQ(EssentialName("task_struct___old"), "task_struct");
  EXPECT_EQ(EssentialName("a___b___c"), "a___b");
  EXPECT_EQ(EssentialName("a___b____c"), "a");
  EXPECT_EQ(EssentialName("___sys_recvmsg"), "___sys_recvmsg");
  EXPECT_EQ(EssentialName("name___"), "name___");
  EXPECT_EQ(EssentialName("a____b"), "a____b");
  EXPECT_EQ(EssentialName("a__b"), "a__b");
  EXPECT_EQ(EssentialName("______"), "______");
  EXPECT_EQ(EssentialName(""), "");
}

// libbpf's rule, character by character, on all short names.
TEST(EssentialName, FollowsTheRuleWhereverUnderscoresStand) {
  const auto is_separator = [](const std::string& name, size_t at) {
    return name[at] != '_' && name.compare(at + 1, 3, "___") == 0 &&
           name[at + 4] != '_';
  };
  for (size_t size = 0; size <= 13; ++size) {
    for (uint32_t bits = 0; bits < 1u << size; ++bits) {
      std::string name(size, 'x');
      for (size_t i = 0; i < size; ++i) {
        if ((bits >> i & 1) != 0) name[i] = '_';
      }
      size_t length = size;
      for (size_t end = size; end >= 5 && length == size; --end) {
        if (is_separator(name, end - 5)) length = end - 4;
      }
      ASSERT_EQ(EssentialName(name).size(), length) << name;
    }
  }
}

TEST(Program, ReadsRelocationsOfAllSections) {
  ExpectTwoSections(TwoSections(/*big_endian=*/false).Build());
}

TEST(Program, ReadsTheOtherByteOrder) {
  ExpectTwoSections(TwoSections(/*big_endian=*/true).Build());
}

TEST(Program, PassesOverWhatANewerRecordHasMore) {
  TwoSections builder;
  const std::string ext = builder.Ext(/*record_size=*/24);
  const auto program = Program::Parse("p.o", builder.types.Build(), ext, 8);
  ASSERT_TRUE(program.ok()) << program.status();
  ExpectTwoSections(*program);
}

TEST(Program, HeaderOfBeforeCoReHasNoRelocations) {
  TwoSections builder;
  std::string ext = builder.Ext();
  ext[4] = 24;
  const auto program = Program::Parse("p.o", builder.types.Build(), ext, 8);
  ASSERT_TRUE(program.ok()) << program.status();
  EXPECT_TRUE(program->relocations().empty());
}

TEST(Program, NoRelocationsAreFine) {
  ProgramBuilder builder;
  builder.types.Int("int", 4);
  EXPECT_TRUE(builder.Build().relocations().empty());
}

// Offsets: header 0, size of records 32, first section 36, its record 44,
// second section 60, its records 68 and 84, end 100.
struct Defect {
  const char* name;
  size_t offset;
  uint32_t word;
  const char* complaint;
};

class DefectiveExt : public ::testing::TestWithParam<Defect> {};

TEST_P(DefectiveExt, IsRefusedWithItsOffset) {
  TwoSections builder;
  std::string ext = builder.Ext();
  ASSERT_EQ(ext.size(), 100u);
  for (int i = 0; i < 4; ++i) {
    ext[GetParam().offset + i] = static_cast<char>(GetParam().word >> 8 * i);
  }
  const auto program = Program::Parse("p.o", builder.types.Build(), ext, 8);
  EXPECT_EQ(program.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(program.status().message(),
              HasSubstr("p.o: .BTF.ext at offset "));
  EXPECT_THAT(program.status().message(), HasSubstr(GetParam().complaint));
}

INSTANTIATE_TEST_SUITE_P(
    All, DefectiveExt,
    ::testing::Values(
        Defect{"Magic", 0, 0x00011234, "offset 0: no BTF extension"},
        Defect{"Version", 0, 0x0002eb9f, "offset 2: unknown version 2"},
        Defect{"Flags", 0, 0x0701eb9f, "offset 3: unknown flags 7"},
        Defect{"ShortHeader", 4, 8, "offset 4: header length 8"},
        Defect{"LongHeader", 4, 101, "offset 4: header length 101"},
        Defect{"FarList", 24, 0xfffffff0, "offset 24: relocations from"},
        Defect{"UnalignedList", 24, 2, "offset 24: relocations from 34"},
        Defect{"LongList", 28, 0xffffffff, "offset 24: relocations from"},
        Defect{"TinyList", 28, 3, "offset 24: relocations from"},
        Defect{"EmptyList", 28, 4, "offset 36: a list of relocations without"},
        Defect{"CutList", 28, 32, "offset 60: cut off"},
        Defect{"SmallRecords", 32, 12, "offset 32: relocations of 12 bytes"},
        Defect{"OddRecords", 32, 18, "offset 32: relocations of 18 bytes"},
        Defect{"SectionName", 36, 5000, "offset 36: string offset 5000"},
        Defect{"NoRecords", 40, 0, "offset 40: 0 relocations"},
        Defect{"ManyRecords", 40, 0xffffffff, "offset 40: 4294967295"},
        Defect{"Type", 48, 3, "offset 48: relocation of type 3"},
        Defect{"Access", 52, 5000, "offset 52: string offset 5000"},
        Defect{"Kind", 56, 13, "offset 56: unknown kind of relocation 13"}),
    [](const auto& info) { return info.param.name; });

TEST(Program, CutOffSectionsAreRefused) {
  TwoSections builder;
  const std::string ext = builder.Ext();
  const std::string btf = builder.types.Build();
  for (size_t size = 0; size < ext.size(); ++size) {
    // A copy of that size, so that a sanitizer sees what is read behind it.
    const std::string cut(ext, 0, size);
    EXPECT_FALSE(Program::Parse("p.o", btf, cut, 8).ok()) << size;
  }
}

TEST(Program, ErrorsOfItsTypesNameTheSection) {
  TwoSections builder;
  const auto program = Program::Parse("p.o", "short", builder.Ext(), 8);
  EXPECT_EQ(program.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(program.status().message(), HasSubstr("p.o: .BTF"));
}

TEST(Program, RefusesTypesThatDangle) {
  ProgramBuilder builder;
  builder.types.Proto(/*returns=*/77);
  const auto program =
      Program::Parse("p.o", builder.types.Build(), builder.Ext(), 8);
  EXPECT_THAT(program.status().message(), HasSubstr("does not exist"));
}

}  // namespace
}  // namespace btfd::core
