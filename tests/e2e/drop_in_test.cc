// SPDX-License-Identifier: Apache-2.0
//
// Runs the drop-in as kbuild calls it, with client and daemon, and compares it
// with upstream's tools: the same files, the same lines on stderr, the same
// exit code.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/support/module_input.h"
#include "tests/support/peer.h"
#include "tests/support/private_daemon.h"
#include "tests/support/testdata.h"

namespace btfd::tests {
namespace {

struct Release {
  const char* series;   // of the kernel from which the modules are
  const char* profile;  // whose upstream tool it is compared with
};

class DropIn : public ::testing::TestWithParam<Release> {
 protected:
  void SetUp() override {
    auto kernel = FindKernel(GetParam().series);
    ASSERT_TRUE(kernel.ok()) << kernel.status();
    kernel_ = *kernel;
    auto peer = FindPeer(GetParam().profile);
    ASSERT_TRUE(peer.ok()) << peer.status();
    peer_ = *peer;
  }

  // Modules of all sizes, and every module with .BTF_ids.
  std::vector<std::string> Modules() const {
    std::vector<std::string> modules = SpreadBySize(kernel_.modules, 12);
    for (const std::string& path : kernel_.modules) {
      auto module = ReadModuleInput(path);
      if (module.ok() && module->ids) modules.push_back(path);
    }
    return modules;
  }

  // Runs both on the same file. The files that they leave must be the same.
  void ExpectSame(const std::vector<std::string>& arguments,
                  const std::string& elf) {
    const ResolveResult theirs = RunResolveBtfids({peer_}, arguments, elf);
    const ResolveResult ours = RunOurs(arguments, elf);
    EXPECT_EQ(ours.exit_code, theirs.exit_code) << elf << "\n" << ours.err;
    EXPECT_EQ(ours.err, theirs.err) << elf;
    EXPECT_EQ(ours.btf.has_value(), theirs.btf.has_value()) << elf;
    EXPECT_EQ(ours.btf_base.has_value(), theirs.btf_base.has_value()) << elf;
    EXPECT_EQ(ours.btf_ids.has_value(), theirs.btf_ids.has_value()) << elf;
    EXPECT_TRUE(ours.btf == theirs.btf) << elf;
    EXPECT_TRUE(ours.btf_base == theirs.btf_base) << elf;
    EXPECT_TRUE(ours.btf_ids == theirs.btf_ids) << elf;
  }

  ResolveResult RunOurs(const std::vector<std::string>& arguments,
                        const std::string& elf) {
    ProcessOptions options;
    options.environment = daemon_.Environment(
        {absl::StrCat("BTFD_PROFILE=", GetParam().profile)});
    return RunResolveBtfids({daemon_.programs().resolve_btfids}, arguments, elf,
                            options);
  }

  PrivateDaemon daemon_{Programs::OfRunfiles()};
  Kernel kernel_;
  std::string peer_;
};

TEST_P(DropIn, LeavesInTreeWhatThePeerLeaves) {
  for (const std::string& path : Modules()) {
    ExpectSame({"--btf_base", kernel_.vmlinux_btf}, path);
  }
}

TEST_P(DropIn, LeavesDistilledWhatThePeerLeaves) {
  for (const std::string& path : Modules()) {
    ExpectSame({"--distill_base", "-b", kernel_.vmlinux_btf}, path);
  }
}

TEST_P(DropIn, TakesTheBaseFromAnElfFile) {
  const auto modules = ModulesNamed(kernel_.modules, {"af_key"});
  ASSERT_EQ(modules.size(), 1u);
  ExpectSame({absl::StrCat("--btf_base=", kernel_.vmlinux)}, modules[0]);
}

TEST_P(DropIn, TakesTheBtfFromAFileOfItsOwn) {
  const auto modules = ModulesNamed(kernel_.modules, {"nf_conntrack"});
  ASSERT_EQ(modules.size(), 1u);
  auto module = ReadModuleInput(modules[0]);
  ASSERT_TRUE(module.ok()) << module.status();
  ScratchDir scratch;
  WriteFile(scratch.file("split"), module->btf);
  ExpectSame(
      {"--btf", scratch.file("split"), "--btf_base", kernel_.vmlinux_btf},
      modules[0]);
}

TEST_P(DropIn, FinalizesVmlinuxWithoutABase) {
  ExpectSame({}, kernel_.vmlinux);
}

TEST_P(DropIn, WithoutTheBaseASplitBtfIsRefused) {
  const auto modules = ModulesNamed(kernel_.modules, {"af_key"});
  ASSERT_EQ(modules.size(), 1u);
  const ResolveResult theirs = RunResolveBtfids({peer_}, {}, modules[0]);
  const ResolveResult ours = RunOurs({}, modules[0]);
  EXPECT_EQ(theirs.exit_code, 255);
  EXPECT_EQ(ours.exit_code, 255);
  EXPECT_THAT(ours.err, ::testing::HasSubstr(".BTF"));
  EXPECT_FALSE(ours.btf.has_value());
}

INSTANTIATE_TEST_SUITE_P(
    Kernels, DropIn,
    ::testing::Values(Release{"6.12", "7.2"}, Release{"7.2", "7.2"},
                      Release{"6.12", "7.3"}, Release{"7.2", "7.3"}),
    [](const ::testing::TestParamInfo<Release>& info) {
      std::string name =
          absl::StrCat("Linux", info.param.series, "_", info.param.profile);
      std::replace(name.begin(), name.end(), '.', '_');
      return name;
    });

// 6.x changes the ELF file itself, so the whole file is compared.
TEST(DropInOf6x, PatchesTheSameBytesInPlace) {
  auto kernel = FindKernel("6.12");
  ASSERT_TRUE(kernel.ok()) << kernel.status();
  auto peer = FindPeer("6.12");
  ASSERT_TRUE(peer.ok()) << peer.status();
  PrivateDaemon daemon(Programs::OfRunfiles());
  ScratchDir scratch;
  const std::string theirs = scratch.file("theirs.ko");
  const std::string ours = scratch.file("ours.ko");
  int judged = 0;
  for (const std::string& path : kernel->modules) {
    auto module = ReadModuleInput(path);
    ASSERT_TRUE(module.ok()) << module.status();
    if (!module->ids) continue;
    ASSERT_TRUE(WriteModuleWithZeroedIds(path, theirs).ok());
    std::filesystem::copy_file(
        theirs, ours, std::filesystem::copy_options::overwrite_existing);
    const ProcessResult expected =
        RunProcess({*peer, "--btf_base", kernel->vmlinux_btf, theirs});
    // The drop-in must know from its arguments alone that this is 6.x.
    const ProcessResult result = daemon.Client(
        {"resolve_btfids", "--btf_base", kernel->vmlinux_btf, ours});
    EXPECT_EQ(result.exit_code, expected.exit_code) << result.err;
    EXPECT_EQ(result.err, expected.err) << path;
    EXPECT_TRUE(ReadFileOrEmpty(ours) == ReadFileOrEmpty(theirs)) << path;
    EXPECT_FALSE(std::filesystem::exists(ours + ".BTF"));
    ++judged;
  }
  EXPECT_EQ(judged, 7);
}

// What pahole 1.26 and newer leave of external modules has .BTF.base, which the
// tool then takes for the base, whatever -b says.
TEST(DropInOf6x, ResolvesOverTheDistilledBaseOfTheModule) {
  auto kernel = FindKernel("6.12");
  ASSERT_TRUE(kernel.ok()) << kernel.status();
  auto peer = FindPeer("6.12");
  ASSERT_TRUE(peer.ok()) << peer.status();
  PrivateDaemon daemon(Programs::OfRunfiles());
  ScratchDir scratch;
  const std::string distilled = scratch.file("distilled.ko");
  const std::string theirs = scratch.file("theirs.ko");
  const std::string ours = scratch.file("ours.ko");
  std::vector<std::string> batch, ids;  // files, and what they are to have
  int judged = 0;
  for (const std::string& path : kernel->modules) {
    auto module = ReadModuleInput(path);
    ASSERT_TRUE(module.ok()) << module.status();
    if (!module->ids) continue;
    const auto copy = [](const std::string& from, const std::string& to) {
      std::filesystem::copy_file(
          from, to, std::filesystem::copy_options::overwrite_existing);
    };
    copy(path, distilled);
    const ProcessResult made = daemon.Client(
        {"finalize", "--base", kernel->vmlinux_btf, "--profile=7.2",
         "--distill=always", "--drop-signature", distilled});
    ASSERT_EQ(made.exit_code, 0) << made.err;
    ASSERT_TRUE(WriteModuleWithZeroedIds(distilled, theirs).ok());
    copy(theirs, ours);
    copy(theirs, distilled);
    batch.push_back(scratch.file(std::to_string(judged) + ".ko"));
    copy(theirs, batch.back());
    const ProcessResult expected =
        RunProcess({*peer, "-b", kernel->vmlinux_btf, theirs});
    ASSERT_EQ(expected.exit_code, 0) << expected.err;
    const ProcessResult result =
        daemon.Client({"resolve_btfids", "-b", kernel->vmlinux_btf, ours},
                      {"KERNELVERSION=6.12.95"});
    EXPECT_EQ(result.exit_code, 0) << result.err;
    EXPECT_TRUE(ReadFileOrEmpty(ours) == ReadFileOrEmpty(theirs)) << path;
    // The same by btfc, alone.
    const ProcessResult finalized =
        daemon.Client({"finalize", "--base", kernel->vmlinux_btf,
                       "--profile=6.x", distilled});
    EXPECT_EQ(finalized.exit_code, 0) << finalized.err;
    const auto by_btfc = ReadModuleInput(distilled);
    const auto by_peer = ReadModuleInput(theirs);
    ASSERT_TRUE(by_btfc.ok() && by_peer.ok()) << path;
    EXPECT_EQ(by_btfc->ids->content, by_peer->ids->content) << path;
    ids.push_back(by_peer->ids->content);
    ++judged;
  }
  EXPECT_EQ(judged, 7);
  // All at once, with and without a daemon.
  for (const char* disable : {"BTFD_DISABLE=0", "BTFD_DISABLE=1"}) {
    std::vector<std::string> words = {"finalize", "--base", kernel->vmlinux_btf,
                                      "--profile=6.x"};
    for (const std::string& path : batch) {
      std::filesystem::copy_file(
          path, path + ".ko",
          std::filesystem::copy_options::overwrite_existing);
      words.push_back(path + ".ko");
    }
    const ProcessResult finalized = daemon.Client(words, {disable});
    EXPECT_EQ(finalized.exit_code, 0) << finalized.err;
    for (size_t i = 0; i < batch.size(); ++i) {
      const auto module = ReadModuleInput(batch[i] + ".ko");
      ASSERT_TRUE(module.ok()) << module.status();
      EXPECT_EQ(module->ids->content, ids[i]) << disable << " " << batch[i];
    }
  }
}

TEST(DropInOf6x, AsksNoDaemonWhereThereIsNothingToDo) {
  auto kernel = FindKernel("6.12");
  ASSERT_TRUE(kernel.ok()) << kernel.status();
  const auto modules = ModulesNamed(kernel->modules, {"af_key"});
  ASSERT_EQ(modules.size(), 1u);
  PrivateDaemon daemon(Programs::OfRunfiles());
  ScratchDir scratch;
  const std::string copy = scratch.file("af_key.ko");
  std::filesystem::copy_file(modules[0], copy);
  const ProcessResult result =
      daemon.Client({"resolve_btfids", "-b", kernel->vmlinux_btf, copy},
                    {"KERNELVERSION=6.12.95"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.err, "");
  EXPECT_TRUE(ReadFileOrEmpty(copy) == ReadFileOrEmpty(modules[0]));
  EXPECT_FALSE(daemon.Pid().ok());
}

TEST(PatchBtfids, WritesTheFileIntoTheSection) {
  auto kernel = FindKernel("7.2");
  ASSERT_TRUE(kernel.ok()) << kernel.status();
  auto peer = FindPeer("7.2");
  ASSERT_TRUE(peer.ok()) << peer.status();
  const auto modules = ModulesNamed(kernel->modules, {"nf_conntrack"});
  ASSERT_EQ(modules.size(), 1u);
  auto module = ReadModuleInput(modules[0]);
  ASSERT_TRUE(module.ok()) << module.status();
  PrivateDaemon daemon(Programs::OfRunfiles());
  ScratchDir scratch;
  const std::string ids = scratch.file("ids");
  struct Case {
    std::string content;
    int exit_code;
  };
  const Case cases[] = {{std::string(module->ids->content.size(), 'x'), 0},
                        {"too short", 255},
                        {"", 255}};
  for (const Case& c : cases) {
    WriteFile(ids, c.content);
    const std::string theirs = scratch.file("theirs.ko");
    const std::string ours = scratch.file("ours.ko");
    for (const std::string& copy : {theirs, ours}) {
      std::filesystem::copy_file(
          modules[0], copy, std::filesystem::copy_options::overwrite_existing);
    }
    EXPECT_EQ(RunProcess({*peer, "--patch_btfids", ids, theirs}).exit_code,
              c.exit_code);
    const ProcessResult result =
        daemon.Client({"resolve_btfids", "--patch_btfids", ids, ours});
    EXPECT_EQ(result.exit_code, c.exit_code) << result.err;
    EXPECT_TRUE(ReadFileOrEmpty(ours) == ReadFileOrEmpty(theirs));
  }
  EXPECT_FALSE(daemon.Pid().ok()) << "patching asks no daemon";
}

}  // namespace
}  // namespace btfd::tests
