// SPDX-License-Identifier: Apache-2.0
//
// `btfc verify` on real modules. Distilled modules must fit the kernel for
// which they were made, and not another one. The type that does not fit must be
// named. Compressed files must be read. The answer must always be that of
// libbpf's btf__relocate(), which is the code that the kernel runs when it
// loads a module. All real modules keep the kernel's other rules; tests/qemu
// shows that the kernel judges these rules as verify does.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "lib/btf/base.h"
#include "lib/elf/module_file.h"
#include "lib/elf/testing/compress.h"
#include "tests/oracle/oracle.h"
#include "tests/support/json.h"
#include "tests/support/module_input.h"
#include "tests/support/private_daemon.h"
#include "tests/support/testdata.h"

namespace btfd::tests {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class Verify : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* series : {"6.12", "7.2"}) {
      auto kernel = FindKernel(series);
      ASSERT_TRUE(kernel.ok()) << kernel.status();
      kernels_.push_back(*kernel);
    }
  }

  // Copies of those modules, finalized with a .BTF.base.
  std::vector<std::string> Distilled(const Kernel& kernel,
                                     const std::vector<std::string>& modules) {
    std::vector<std::string> copies;
    for (const std::string& path : modules) {
      copies.push_back(
          scratch_.file(absl::StrCat(copies_++, "-", Stem(path), ".ko")));
      fs::copy_file(path, copies.back());
    }
    const ProcessResult result = daemon_.Client(
        {"finalize", "--base", kernel.vmlinux_btf, "--dedup", "--profile=7.2",
         "--distill=always", "--drop-signature", "--from-file", "-"},
        {}, absl::StrJoin(copies, "\n"));
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return copies;
  }

  std::string Distilled(const Kernel& kernel, const std::string& name) {
    const auto modules = ModulesNamed(kernel.modules, {name});
    EXPECT_EQ(modules.size(), 1u) << name;
    return Distilled(kernel, modules).at(0);
  }

  static std::string Stem(const std::string& path) {
    return fs::path(path).stem().string();
  }

  ProcessResult Run(const std::vector<std::string>& bases,
                    const std::vector<std::string>& modules, bool json = true) {
    std::vector<std::string> arguments = {"verify", "--from-file", "-"};
    for (const std::string& base : bases) {
      arguments.insert(arguments.end(), {"--against", base});
    }
    if (json) arguments.push_back("--json");
    return daemon_.Client(arguments, {}, absl::StrJoin(modules, "\n"));
  }

  PrivateDaemon daemon_{Programs::OfRunfiles()};
  ScratchDir scratch_;
  std::vector<Kernel> kernels_;
  int copies_ = 0;
};

std::vector<std::string> Lines(const std::string& text) {
  return absl::StrSplit(text, '\n', absl::SkipEmpty());
}

// Checks the last line that `btfc verify --json` prints.
void ExpectSummary(const std::string& line, uint64_t checks, uint64_t failed) {
  EXPECT_EQ(JsonAt(line, "summary.checks"), absl::StrCat(checks));
  EXPECT_EQ(JsonAt(line, "summary.failed"), absl::StrCat(failed));
}

// True if libbpf can relocate the module onto `base`.
bool Relocates(const ModuleInput& module, const struct btf* base) {
  const OracleBtf distilled = OracleParse(module.distilled_base, nullptr);
  if (distilled == nullptr) return false;
  const OracleBtf split = OracleParse(module.btf, distilled.get());
  return split != nullptr && OracleRelocate(split.get(), base) == 0;
}

TEST_F(Verify, DistilledModulesFitTheirOwnKernelAndStayAsTheyAre) {
  for (const Kernel& kernel : kernels_) {
    const std::string module = Distilled(kernel, "xt_TEE");
    const std::string before = ReadFileOrEmpty(module);
    // The whole vmlinux, its BTF alone and the boot image are the same base.
    const ProcessResult result =
        Run({kernel.vmlinux, kernel.vmlinux_btf, kernel.vmlinuz()}, {module},
            /*json=*/false);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    EXPECT_THAT(
        result.out,
        AllOf(StartsWith(absl::StrCat(module, ": relocates onto ",
                                      kernel.vmlinux, ", ")),
              HasSubstr(" types; "), HasSubstr(" judged as the kernel does\n"),
              HasSubstr("3 checks of 1 modules, 0 failed")));
    EXPECT_TRUE(ReadFileOrEmpty(module) == before);
  }
}

TEST_F(Verify, OnAnotherKernelTheFailingTypeIsNamed) {
  struct Case {
    int made_for;
    const char* module;
    const char* type;
    const char* reason;
  };
  const Case cases[] = {
      // 7.2 no longer has this type.
      {0, "act_connmark", "modversion_info", "no type there has that name"},
      // A struct of the module contains it, so its size is part of the ABI.
      {0, "hid-sunplus", "mutex", " there has 24 bytes instead of 32"},
      // It has grown since 6.12.
      {1, "adis16460", "device", " there has 760 bytes instead of 792"},
  };
  for (const Case& c : cases) {
    const std::string module = Distilled(kernels_[c.made_for], c.module);
    const std::string& base = kernels_[1 - c.made_for].vmlinux_btf;
    const ProcessResult result = Run({base}, {module}, /*json=*/false);
    EXPECT_EQ(result.exit_code, 1);
    EXPECT_EQ(result.out, "");
    EXPECT_THAT(result.err,
                AllOf(StartsWith(absl::StrCat("btfc: ", module, " against ",
                                              base, ": .BTF.base: type ")),
                      HasSubstr(absl::StrCat(" (", c.type,
                                             ") has no match in the base: ")),
                      HasSubstr(c.reason)));
  }
}

TEST_F(Verify, EveryModuleIsHeldAgainstEveryBase) {
  const std::string module = Distilled(kernels_[0], "xt_TEE");
  const std::string missing = scratch_.file("missing.ko");
  const ProcessResult result = Run(
      {kernels_[0].vmlinux_btf, kernels_[1].vmlinux_btf}, {missing, module});
  EXPECT_EQ(result.exit_code, 1);
  const auto lines = Lines(result.out);
  ASSERT_EQ(lines.size(), 4u) << result.out;
  EXPECT_THAT(lines[0], HasSubstr("No such file or directory"));
  EXPECT_EQ(JsonAt(lines[1], "ok"), "true");
  EXPECT_EQ(JsonAt(lines[1], "distilled"), "true");
  EXPECT_THAT(lines[1], HasSubstr(kernels_[0].vmlinux_btf));
  EXPECT_EQ(JsonAt(lines[2], "ok"), "false");
  EXPECT_THAT(lines[2], AllOf(HasSubstr(kernels_[1].vmlinux_btf),
                              HasSubstr("has no match in the base")));
  ExpectSummary(lines[3], 3, 2);
  EXPECT_EQ(JsonAt(lines[3], "summary.modules"), "2");
  EXPECT_EQ(JsonAt(lines[3], "summary.bases"), "2");
}

TEST_F(Verify, WithoutADistilledBaseTheModuleMustParseOverTheBase) {
  const auto modules = ModulesNamed(kernels_[1].modules, {"nf_conntrack"});
  ASSERT_EQ(modules.size(), 1u);
  ProcessResult result =
      Run({kernels_[1].vmlinux_btf}, modules, /*json=*/false);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out,
              StartsWith(absl::StrCat(modules[0], ": parses over ")));
  // The base of 6.12 is smaller, so ids that count from the end of 7.2's lie
  // beyond it.
  result = Run({kernels_[0].vmlinux_btf}, modules, /*json=*/false);
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err,
              HasSubstr(absl::StrCat(modules[0], " against ",
                                     kernels_[0].vmlinux_btf, ": .BTF: ")));
}

TEST_F(Verify, ASpoiledDistilledBaseIsNamed) {
  const std::string module = Distilled(kernels_[1], "xt_TEE");
  std::string bytes = ReadFileOrEmpty(module);
  {
    const auto file = elf::ModuleFile::Open(module);
    ASSERT_TRUE(file.ok()) << file.status();
    // hdr_len, after magic, version and flags.
    bytes[file->btf_base()->header.sh_offset + 4] = 1;
  }
  WriteFile(module, bytes);
  const ProcessResult result =
      Run({kernels_[1].vmlinux_btf}, {module}, /*json=*/false);
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, AllOf(HasSubstr(module), HasSubstr(": .BTF.base: "),
                                HasSubstr("offset")));
}

// All modules of both kernels, unchanged.
TEST_F(Verify, NoRealModuleBreaksARuleOfTheKernels) {
  for (const Kernel& kernel : kernels_) {
    ASSERT_GT(kernel.modules.size(), 1000u);
    const ProcessResult result = Run({kernel.vmlinux_btf}, kernel.modules);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    ExpectSummary(Lines(result.out).back(), kernel.modules.size(), 0);
  }
}

TEST_F(Verify, WhatOnlyTheKernelRefusesIsNamed) {
  const std::string module = Distilled(kernels_[1], "xt_TEE");
  std::string bytes = ReadFileOrEmpty(module);
  {
    const auto file = elf::ModuleFile::Open(module);
    ASSERT_TRUE(file.ok()) << file.status();
    // Changes the first type of .BTF.base, which follows the header of 32
    // bytes. It is an INT, and its info word gets a vlen.
    bytes[file->btf_base()->header.sh_offset + 32 + 4] = 7;
  }
  WriteFile(module, bytes);
  ProcessResult result =
      Run({kernels_[1].vmlinux_btf}, {module}, /*json=*/false);
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err,
              AllOf(HasSubstr(module), HasSubstr(": .BTF.base: type 1 (INT "),
                    HasSubstr("): its vlen is 7, and this kind has none")));
}

TEST_F(Verify, CompressedModulesAreRead) {
  const std::string module = Distilled(kernels_[1], "xt_TEE");
  ASSERT_EQ(RunProcess({"xz", "--check=crc32", "-k", module}).exit_code, 0);
  ASSERT_EQ(RunProcess({"gzip", "-k", module}).exit_code, 0);
  WriteFile(module + ".zst",
            elf::Compress(elf::Compression::kZstd, ReadFileOrEmpty(module)));
  const std::vector<std::string> packed = {module + ".xz", module + ".gz",
                                           module + ".zst"};
  ProcessResult result = Run({kernels_[1].vmlinux_btf}, packed);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  ExpectSummary(Lines(result.out).back(), 3, 0);
  result = Run({kernels_[0].vmlinux_btf}, packed, /*json=*/false);
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(Lines(result.err),
              ::testing::Each(HasSubstr("has no match in the base")));

  const std::string whole = ReadFileOrEmpty(module + ".xz");
  WriteFile(module + ".xz", whole.substr(0, whole.size() / 2));
  result = Run({kernels_[1].vmlinux_btf}, {module + ".xz"}, /*json=*/false);
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, AllOf(HasSubstr(module + ".xz"), HasSubstr("xz")));
}

// A hundred modules against their own base and against the other one; and once
// more with a changed size of a distilled struct, which matters only if another
// type contains the struct.
TEST_F(Verify, TheVerdictIsThatOfLibbpf) {
  for (int own = 0; own < 2; ++own) {
    std::vector<std::string> modules =
        Distilled(kernels_[own], SpreadBySize(kernels_[own].modules, 100));
    ASSERT_GE(modules.size(), 90u);
    for (size_t i = 0, count = modules.size(); i < count; ++i) {
      std::string bytes = ReadFileOrEmpty(modules[i]);
      const auto file = elf::ModuleFile::Open(modules[i]);
      ASSERT_TRUE(file.ok()) << file.status();
      const auto& base = file->btf_base();
      if (!base.has_value()) continue;
      const auto types = btf::Base::Build(base->content);
      ASSERT_TRUE(types.ok()) << types.status();
      btf::TypeId id = 1 + i % 20;
      const auto has_end = [&] { return id >= (*types)->end_id(); };
      while (!has_end() && (*types)->type(id).kind() != btf::Kind::kStruct)
        ++id;
      if (has_end()) continue;
      const uint32_t* offsets = (*types)->table().offsets;
      const size_t record = 32 + 4 * (offsets[id] - offsets[1]);
      bytes[base->header.sh_offset + record + 8] ^= 16;
      modules.push_back(
          scratch_.file(absl::StrCat(own, "-", i, "-resized.ko")));
      WriteFile(modules.back(), bytes);
    }
    ASSERT_GE(modules.size(), 160u);
    for (const Kernel& kernel : kernels_) {
      const OracleBtf base =
          OracleParse(ReadFileOrEmpty(kernel.vmlinux_btf), nullptr);
      ASSERT_NE(base, nullptr);
      const auto lines = Lines(Run({kernel.vmlinux_btf}, modules).out);
      ASSERT_EQ(lines.size(), modules.size() + 1);
      int fits = 0;
      for (size_t i = 0; i < modules.size(); ++i) {
        auto module = ReadModuleInput(modules[i]);
        ASSERT_TRUE(module.ok()) << module.status();
        const bool expected = Relocates(*module, base.get());
        fits += expected;
        EXPECT_THAT(lines[i], HasSubstr(modules[i]));
        EXPECT_EQ(JsonAt(lines[i], "ok"), expected ? "true" : "false");
      }
      // Some modules do not fit. Of 6.12's modules perhaps none fits 7.2.
      EXPECT_LT(fits, static_cast<int>(modules.size()));
      const bool is_own = &kernel == &kernels_[own];
      EXPECT_GT(fits, is_own ? 100 : -1);
    }
  }
}

}  // namespace
}  // namespace btfd::tests
