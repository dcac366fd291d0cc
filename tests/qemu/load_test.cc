// SPDX-License-Identifier: Apache-2.0
//
// The kernel as the oracle: Debian's 7.2 kernel, booted in QEMU, loads modules
// that we finalized. It validates their BTF, relocates .BTF.base onto its own
// types and registers their kfuncs. If something is wrong, it refuses.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "lib/elf/module_file.h"
#include "tests/qemu/guest.h"
#include "tests/support/private_daemon.h"
#include "tests/support/process.h"
#include "tests/support/testdata.h"

namespace btfd::tests {
namespace {

using ::testing::HasSubstr;

// The order satisfies their dependencies. tcp_bbr and nf_conntrack have kfuncs.
const char* const kModules[] = {
    "tcp_bbr", "nf_defrag_ipv4", "nf_defrag_ipv6", "nf_conntrack",
    "dummy",   "veth",           "tcp_dctcp",
};

class Load : public ::testing::Test {
 protected:
  void SetUp() override {
    auto kernel = FindKernel("7.2");
    ASSERT_TRUE(kernel.ok()) << kernel.status();
    kernel_ = *kernel;
    for (const char* name : kModules) {
      const auto found = ModulesNamed(kernel_.modules, {name});
      ASSERT_EQ(found.size(), 1u) << name;
      copies_.push_back(scratch_.file(absl::StrCat(name, ".ko")));
      std::filesystem::copy_file(found[0], copies_.back());
    }
  }

  // Finalizes all modules in place, with one call.
  void Finalize(const std::vector<std::string>& options) {
    std::vector<std::string> arguments = {
        "finalize", "--base", kernel_.vmlinux_btf, "--drop-signature"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    arguments.insert(arguments.end(), copies_.begin(), copies_.end());
    const ProcessResult result = daemon_.Client(arguments);
    ASSERT_EQ(result.exit_code, 0) << result.out << result.err;
  }

  void ExpectAllLoad() {
    const Guest guest = Boot(kernel_, scratch_.file("guest.log"), copies_);
    for (const char* name : kModules) {
      ASSERT_TRUE(guest.verdicts.count(name)) << name << "\n" << guest.log;
      EXPECT_EQ(guest.verdicts.at(name), "rc=0 btf=yes") << name << "\n"
                                                         << guest.log;
    }
    EXPECT_FALSE(absl::StrContains(guest.log, "failed to validate"))
        << guest.log;
  }

  PrivateDaemon daemon_{Programs::OfRunfiles()};
  ScratchDir scratch_;
  Kernel kernel_;
  std::vector<std::string> copies_;
};

TEST_F(Load, DeduplicatedAndDistilledModulesLoadAndShowTheirBtf) {
  Finalize({"--profile=7.3", "--dedup", "--distill=always"});
  ExpectAllLoad();
}

TEST_F(Load, InTreeModulesOfProfile72LoadAndShowTheirBtf) {
  Finalize({"--profile=7.2", "--distill=never"});
  ExpectAllLoad();
}

TEST_F(Load, ModulesFinalizedTwiceLoadAsWell) {
  Finalize({"--profile=7.2", "--dedup", "--distill=never"});
  Finalize({"--profile=7.3", "--dedup", "--distill=always"});
  ExpectAllLoad();
}

TEST_F(Load, AModuleWithASpoiledDistilledBaseIsRefused) {
  Finalize({"--profile=7.3", "--dedup", "--distill=always"});
  // The last name in .BTF.base is changed to one that no type of the kernel
  // has.
  std::string bytes;
  {
    auto file = elf::ModuleFile::Open(copies_[0]);
    ASSERT_TRUE(file.ok()) << file.status();
    ASSERT_TRUE(file->btf_base().has_value());
    bytes = std::string(file->bytes());
    const Elf64_Shdr& section = file->btf_base()->header;
    bytes[section.sh_offset + section.sh_size - 2] ^= 0x15;
  }
  WriteFile(copies_[0], bytes);
  const Guest guest = Boot(kernel_, scratch_.file("guest.log"), {copies_[0]});
  ASSERT_TRUE(guest.verdicts.count("tcp_bbr")) << guest.log;
  EXPECT_THAT(guest.verdicts.at("tcp_bbr"), HasSubstr("btf=no"));
  EXPECT_FALSE(absl::StartsWith(guest.verdicts.at("tcp_bbr"), "rc=0 "))
      << guest.log;
}

}  // namespace
}  // namespace btfd::tests
