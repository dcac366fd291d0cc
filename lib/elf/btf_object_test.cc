// SPDX-License-Identifier: Apache-2.0
#include "lib/elf/btf_object.h"

#include <elf.h>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "lib/elf/testing/elf_builder.h"
#include "tests/support/process.h"

namespace btfd::elf {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

const std::string kBtfBytes = std::string("\x9f\xeb\x01\0", 4) + "types";

ModuleFile Parse(absl::string_view bytes) {
  auto file = ModuleFile::FromBytes(util::UniqueFd(),
                                    util::FileBytes::Copy(bytes), "object");
  EXPECT_TRUE(file.ok()) << file.status();
  return *std::move(file);
}

class BtfObject : public ::testing::TestWithParam<ElfForm> {};

INSTANTIATE_TEST_SUITE_P(
    Forms, BtfObject,
    ::testing::Values(ElfForm{true, false}, ElfForm{true, true},
                      ElfForm{false, false}, ElfForm{false, true}),
    [](const auto& info) {
      return std::string(info.param.is_64bit ? "Elf64" : "Elf32") +
             (info.param.big_endian ? "Big" : "Little");
    });

TEST_P(BtfObject, HoldsBtfForTheMachineOfTheVmlinux) {
  ElfBuilder vmlinux(GetParam());
  vmlinux.AddSection(".text", "code");
  const ModuleFile like = Parse(vmlinux.Build());
  // Kept beside what is parsed: sections are views.
  const std::string bytes = MakeBtfObject(like, kBtfBytes);
  const ModuleFile object = Parse(bytes);
  EXPECT_EQ(object.form().is_64bit, GetParam().is_64bit);
  EXPECT_EQ(object.form().big_endian, GetParam().big_endian);
  EXPECT_EQ(object.header().e_type, ET_REL);
  EXPECT_EQ(object.header().e_machine, like.header().e_machine);
  EXPECT_EQ(object.header().e_flags, like.header().e_flags);
  EXPECT_EQ(object.section_count(), 3u);
  ASSERT_TRUE(object.BtfContent().ok());
  EXPECT_EQ(*object.BtfContent(), kBtfBytes);
  EXPECT_EQ(object.btf()->header.sh_flags, uint64_t{SHF_ALLOC});
  EXPECT_EQ(object.section(object.section_names_index()).name, ".shstrtab");
}

TEST(BtfObject, IsLinkedAsTheKernelLinksIt) {
  const tests::ScratchDir scratch;
  tests::WriteFile(scratch.file("code.s"), ".globl _start\n_start: nop\n");
  tests::WriteFile(scratch.file("vmlinux.lds"),
                   "SECTIONS { .text : { *(.text) }\n"
                   ".BTF : { __start_BTF = .; KEEP(*(.BTF)) __stop_BTF = .; }"
                   " }\n");
  auto run = [&scratch](const std::vector<std::string>& command) {
    const tests::ProcessResult result =
        tests::RunProcess(command, {{}, scratch.path(), ""});
    EXPECT_EQ(result.exit_code, 0) << result.err;
    EXPECT_EQ(result.err, "");
    return result.out;
  };
  run({"as", "-o", "code.o", "code.s"});
  const ModuleFile like = Parse(tests::ReadFileOrEmpty(scratch.file("code.o")));
  tests::WriteFile(scratch.file("btf.o"), MakeBtfObject(like, kBtfBytes));
  run({"ld", "-z", "noexecstack", "-T", "vmlinux.lds", "-o", "vmlinux",
       "code.o", "btf.o"});
  const std::string linked = tests::ReadFileOrEmpty(scratch.file("vmlinux"));
  const ModuleFile vmlinux = Parse(linked);
  ASSERT_TRUE(vmlinux.BtfContent().ok());
  EXPECT_EQ(*vmlinux.BtfContent(), kBtfBytes);
  EXPECT_EQ(vmlinux.btf()->header.sh_flags, uint64_t{SHF_ALLOC});
  EXPECT_THAT(run({"nm", "vmlinux"}),
              AllOf(HasSubstr("__start_BTF"), HasSubstr("__stop_BTF")));
}

}  // namespace
}  // namespace btfd::elf
