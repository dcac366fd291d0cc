// SPDX-License-Identifier: Apache-2.0
//
// The drop-in on modules of other machines, as a cross build runs it, compared
// with upstream's tools on this machine: s390x (64 bits, big-endian), arm64 (64
// bits, little-endian), and both as 32-bit files. Files, messages and exit
// codes must be the same.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "lib/elf/module_file.h"
#include "tests/architectures/converted_module.h"
#include "tests/support/module_input.h"
#include "tests/support/peer.h"
#include "tests/support/private_daemon.h"
#include "tests/support/testdata.h"

namespace btfd::tests {
namespace {

namespace fs = std::filesystem;

struct Architecture {
  const char* name;
  bool big_endian;
  bool as_elf32;
};

class ForeignDropIn : public ::testing::TestWithParam<Architecture> {
 protected:
  void SetUp() override {
    auto kernel = FindKernel(absl::StrCat("6.12-", GetParam().name));
    ASSERT_TRUE(kernel.ok()) << kernel.status();
    kernel_ = *kernel;
    CollectModules();
  }

  // Takes modules of all sizes, and each module with .BTF_ids twice: as the
  // kernel's build left it, and as the compiler left it.
  void CollectModules() {
    const auto spread = SpreadBySize(kernel_.modules, 6);
    for (const std::string& path : kernel_.modules) {
      auto module = ReadModuleInput(path);
      ASSERT_TRUE(module.ok()) << module.status();
      if (module->ids) {
        Add(path, false);
        Add(path, true);
      } else if (std::count(spread.begin(), spread.end(), path) != 0) {
        Add(path, false);
      }
    }
  }

  void Add(const std::string& path, bool zeroed) {
    std::string prepared = path;
    if (zeroed) {
      prepared = scratch_.file(
          absl::StrCat("zeroed-", fs::path(path).filename().string()));
      ASSERT_TRUE(WriteModuleWithZeroedIds(path, prepared).ok());
    }
    if (GetParam().as_elf32) {
      auto module = ReadModuleInput(prepared);
      ASSERT_TRUE(module.ok()) << module.status();
      prepared = scratch_.file(
          absl::StrCat("elf32-", fs::path(prepared).filename().string()));
      WriteFile(prepared, AsElf(*module, Form()));
    }
    auto file = elf::ModuleFile::Open(prepared);
    ASSERT_TRUE(file.ok()) << file.status();
    EXPECT_EQ(file->form().big_endian, GetParam().big_endian);
    EXPECT_EQ(file->form().is_64bit, !GetParam().as_elf32);
    if (file->has_ids()) with_ids_.push_back(prepared);
    modules_.push_back(prepared);
  }

  static elf::ElfForm Form() {
    return {!GetParam().as_elf32, GetParam().big_endian};
  }

  void ExpectSame(const std::string& release,
                  const std::vector<std::string>& arguments,
                  const std::string& elf) {
    auto peer = FindPeer(release);
    ASSERT_TRUE(peer.ok()) << peer.status();
    const ResolveResult theirs = RunResolveBtfids({*peer}, arguments, elf);
    ProcessOptions options;
    options.environment =
        daemon_.Environment({absl::StrCat("BTFD_PROFILE=", release)});
    const ResolveResult ours = RunResolveBtfids(
        {daemon_.programs().resolve_btfids}, arguments, elf, options);
    EXPECT_EQ(theirs.exit_code, 0) << elf << "\n" << theirs.err;
    EXPECT_EQ(ours.exit_code, 0) << elf << "\n" << ours.err;
    EXPECT_EQ(ours.err, theirs.err) << elf;
    EXPECT_TRUE(theirs.btf.has_value()) << elf;
    EXPECT_TRUE(ours.btf == theirs.btf) << elf;
    EXPECT_TRUE(ours.btf_base == theirs.btf_base) << elf;
    EXPECT_TRUE(ours.btf_ids == theirs.btf_ids) << elf;
  }

  PrivateDaemon daemon_{Programs::OfRunfiles()};
  ScratchDir scratch_;
  Kernel kernel_;
  std::vector<std::string> modules_;
  std::vector<std::string> with_ids_;
};

TEST_P(ForeignDropIn, LeavesInTreeWhatThePeersLeave) {
  for (const char* release : {"7.2", "7.3"}) {
    for (const std::string& path : modules_) {
      ExpectSame(release, {"--btf_base", kernel_.vmlinux_btf}, path);
    }
  }
}

TEST_P(ForeignDropIn, LeavesDistilledWhatThePeersLeave) {
  for (const char* release : {"7.2", "7.3"}) {
    for (const std::string& path : modules_) {
      ExpectSame(release, {"--distill_base", "-b", kernel_.vmlinux_btf}, path);
    }
  }
}

// 6.x changes the ELF file itself, so the whole file is compared.
TEST_P(ForeignDropIn, PatchesThePeersBytesInPlaceAs6xDoes) {
  auto peer = FindPeer("6.12");
  ASSERT_TRUE(peer.ok()) << peer.status();
  const std::string theirs = scratch_.file("theirs.ko");
  const std::string ours = scratch_.file("ours.ko");
  ASSERT_EQ(with_ids_.size(), 14u) << "seven, raw and finalized";
  for (const std::string& path : with_ids_) {
    for (const std::string& copy : {theirs, ours}) {
      fs::copy_file(path, copy, fs::copy_options::overwrite_existing);
    }
    const ProcessResult expected =
        RunProcess({*peer, "--btf_base", kernel_.vmlinux_btf, theirs});
    const ProcessResult result = daemon_.Client(
        {"resolve_btfids", "--btf_base", kernel_.vmlinux_btf, ours},
        {"BTFD_PROFILE=6.x"});
    EXPECT_EQ(expected.exit_code, 0) << expected.err;
    EXPECT_EQ(result.exit_code, 0) << result.err;
    EXPECT_EQ(result.err, expected.err) << path;
    EXPECT_TRUE(ReadFileOrEmpty(ours) == ReadFileOrEmpty(theirs)) << path;
  }
}

// Without .BTF_ids: the kernel's build has sorted their sets, and upstream's
// tool does not take that into account.
TEST_P(ForeignDropIn, FinalizesTheKernelsTypes) {
  auto vmlinux = ReadModuleInput(kernel_.vmlinux);
  ASSERT_TRUE(vmlinux.ok()) << vmlinux.status();
  vmlinux->ids.reset();
  const std::string path = scratch_.file("vmlinux");
  WriteFile(path, AsElf(*vmlinux, Form()));
  for (const char* release : {"7.2", "7.3"}) ExpectSame(release, {}, path);
}

INSTANTIATE_TEST_SUITE_P(
    Linux612, ForeignDropIn,
    ::testing::Values(Architecture{"s390x", true, false},
                      Architecture{"s390x", true, true},
                      Architecture{"arm64", false, false},
                      Architecture{"arm64", false, true}),
    [](const ::testing::TestParamInfo<Architecture>& info) {
      return absl::StrCat(info.param.name, info.param.as_elf32 ? "_as32" : "");
    });

}  // namespace
}  // namespace btfd::tests
