// SPDX-License-Identifier: Apache-2.0
//
// `btfc finalize` on modules of other machines. The sections must be as
// upstream's tool makes them, and all else as it was. readelf, llvm-objcopy and
// libelf (in upstream's tool) must accept the new layout. The machines are
// s390x, arm64 and armhf. Modules of armhf are ELF32. Debian builds them
// without BTF, so the test gives them the BTF of arm64 first.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "lib/elf/module_file.h"
#include "lib/elf/module_writer.h"
#include "tests/support/module_input.h"
#include "tests/support/peer.h"
#include "tests/support/private_daemon.h"
#include "tests/support/testdata.h"

namespace btfd::tests {
namespace {

namespace fs = std::filesystem;

class ForeignWriter : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    auto kernel = FindKernel(absl::StrCat("6.12-", GetParam()));
    ASSERT_TRUE(kernel.ok()) << kernel.status();
    // The kernel whose modules have BTF.
    const bool without_btf = GetParam() == std::string("armhf");
    auto donor = without_btf ? FindKernel("6.12-arm64") : kernel;
    ASSERT_TRUE(donor.ok()) << donor.status();
    base_ = donor->vmlinux_btf;

    std::vector<std::string> modules = SpreadBySize(kernel->modules, 8);
    const auto more =
        ModulesNamed(kernel->modules, {"nf_conntrack", "tcp_bbr", "fou"});
    modules.insert(modules.end(), more.begin(), more.end());
    std::string grafted;
    if (without_btf) {
      const auto donors = ModulesNamed(donor->modules, {"nf_conntrack"});
      ASSERT_EQ(donors.size(), 1u);
      auto module = ReadModuleInput(donors[0]);
      ASSERT_TRUE(module.ok()) << module.status();
      grafted = module->btf;
    }
    for (const std::string& path : modules) Prepare(path, grafted);
  }

  // Makes two copies without a signature: one to finalize, one to compare with.
  void Prepare(const std::string& path, const std::string& grafted) {
    const std::string copy =
        scratch_.file(absl::StrCat(finalized_.size(), ".ko"));
    // As the compiler left it, because finalizing a finalized module keeps its
    // ids.
    if (!WriteModuleWithZeroedIds(path, copy).ok()) fs::copy_file(path, copy);
    auto module = elf::ModuleFile::Open(copy);
    ASSERT_TRUE(module.ok()) << module.status();
    elf::WriteOptions options;
    options.drop_signature = true;
    std::vector<elf::SectionEdit> edits;
    if (!grafted.empty()) edits.push_back({".BTF", grafted});
    ASSERT_TRUE(elf::WriteModule(*module, edits, options).ok());
    const std::string original =
        scratch_.file(absl::StrCat(finalized_.size(), "-original.ko"));
    fs::copy_file(copy, original);
    finalized_.push_back(copy);
    originals_.push_back(original);
  }

  void Finalize(const std::string& profile) {
    const ProcessResult result = daemon_.Client(
        {"finalize", "--base", base_, absl::StrCat("--profile=", profile),
         "--distill=always", "--from-file", "-"},
        {}, absl::StrJoin(finalized_, "\n") + "\n");
    ASSERT_EQ(result.exit_code, 0) << result.err;
  }

  PrivateDaemon daemon_{Programs::OfRunfiles()};
  ScratchDir scratch_;
  std::string base_;
  std::vector<std::string> originals_;
  std::vector<std::string> finalized_;
};

// What the tables say of a section, except for its place in the file.
std::string Describe(const elf::ModuleFile& file, uint32_t index) {
  const elf::Section section = file.section(index);
  const Elf64_Shdr& header = section.header;
  return absl::StrCat(section.name, " ", header.sh_type, " ", header.sh_flags,
                      " ", header.sh_addr, " ", header.sh_size, " ",
                      header.sh_link, " ", header.sh_info, " ",
                      header.sh_addralign, " ", header.sh_entsize);
}

bool IsOurs(absl::string_view name) {
  return absl::StartsWith(name, ".BTF") || name == ".shstrtab";
}

TEST_P(ForeignWriter, ModulesHoldWhatThePeerMakesAndAllElseAsItWas) {
  auto peer = FindPeer("7.3");
  ASSERT_TRUE(peer.ok()) << peer.status();
  ASSERT_NO_FATAL_FAILURE(Finalize("7.3"));
  for (size_t i = 0; i < finalized_.size(); ++i) {
    SCOPED_TRACE(originals_[i]);
    const ResolveResult theirs = RunResolveBtfids(
        {*peer}, {"--btf_base", base_, "--distill_base"}, originals_[i]);
    ASSERT_TRUE(theirs.btf.has_value()) << theirs.err;
    auto now = elf::ModuleFile::Open(finalized_[i]);
    auto before = elf::ModuleFile::Open(originals_[i]);
    ASSERT_TRUE(now.ok() && before.ok()) << now.status() << before.status();
    EXPECT_TRUE(now->btf()->content == *theirs.btf);
    ASSERT_TRUE(now->btf_base().has_value());
    EXPECT_TRUE(now->btf_base()->content == *theirs.btf_base);
    if (before->has_ids()) {
      EXPECT_TRUE(now->btf_ids()->content == *theirs.btf_ids);
    }
    ASSERT_GE(now->section_count(), before->section_count());
    for (uint32_t s = 0; s < before->section_count(); ++s) {
      if (IsOurs(before->section(s).name)) continue;
      EXPECT_EQ(Describe(*now, s), Describe(*before, s));
      EXPECT_TRUE(now->section(s).content == before->section(s).content)
          << before->section(s).name;
    }
  }
}

TEST_P(ForeignWriter, OtherToolsReadTheNewLayout) {
  auto peer = FindPeer("7.2");
  ASSERT_TRUE(peer.ok()) << peer.status();
  ASSERT_NO_FATAL_FAILURE(Finalize("7.2"));
  for (const std::string& path : finalized_) {
    SCOPED_TRACE(path);
    auto module = ReadModuleInput(path);
    ASSERT_TRUE(module.ok()) << module.status();
    const ProcessResult readelf = RunProcess({"readelf", "-hSsrnW", path});
    EXPECT_EQ(readelf.exit_code, 0);
    EXPECT_EQ(readelf.err, "");
    EXPECT_THAT(readelf.out, ::testing::HasSubstr(" .BTF.base "));

    const ProcessResult dump = RunProcess(
        {"llvm-objcopy",
         absl::StrCat("--dump-section=.BTF=", scratch_.file("btf")),
         absl::StrCat("--dump-section=.BTF.base=", scratch_.file("base")), path,
         scratch_.file("copy.ko")});
    EXPECT_EQ(dump.exit_code, 0) << dump.err;
    EXPECT_TRUE(ReadFileOrEmpty(scratch_.file("btf")) == module->btf);
    EXPECT_TRUE(ReadFileOrEmpty(scratch_.file("base")) ==
                module->distilled_base);

    // Upstream's tool, which reads the module with libelf, also finds it
    // finalized.
    const ResolveResult theirs =
        RunResolveBtfids({*peer}, {"--btf_base", scratch_.file("base")}, path);
    EXPECT_EQ(theirs.exit_code, 0) << theirs.err;
    EXPECT_TRUE(theirs.btf == module->btf);
  }
}

INSTANTIATE_TEST_SUITE_P(Linux612, ForeignWriter,
                         ::testing::Values("s390x", "arm64", "armhf"),
                         [](const ::testing::TestParamInfo<const char*>& info) {
                           return std::string(info.param);
                         });

}  // namespace
}  // namespace btfd::tests
