// SPDX-License-Identifier: Apache-2.0
//
// `btfc verify` across point releases. Modules of Debian's newest 6.12, made
// with a .BTF.base, are checked against older releases. The answer is compared
// with that of libbpf's btf__relocate() for each module, and for some modules
// with that of the oldest kernel itself. That kernel loads them (Debian allows
// a mismatch, and then drops the BTF) and names the type.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "tests/oracle/oracle.h"
#include "tests/qemu/guest.h"
#include "tests/support/json.h"
#include "tests/support/module_input.h"
#include "tests/support/private_daemon.h"
#include "tests/support/process.h"
#include "tests/support/testdata.h"

namespace btfd::tests {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class PointReleases : public ::testing::Test {
 protected:
  void SetUp() override {
    auto kernel = FindKernel("6.12");
    ASSERT_TRUE(kernel.ok()) << kernel.status();
    kernel_ = *kernel;
    auto older = FindPointReleases();
    ASSERT_TRUE(older.ok()) << older.status();
    older_ = *older;
  }

  std::vector<std::string> Distilled(const std::vector<std::string>& modules) {
    std::vector<std::string> copies;
    for (const std::string& path : modules) {
      copies.push_back(scratch_.file(fs::path(path).filename()));
      fs::copy_file(path, copies.back());
    }
    const ProcessResult result = daemon_.Client(
        {"finalize", "--base", kernel_.vmlinux_btf, "--dedup", "--profile=7.2",
         "--distill=always", "--drop-signature", "--from-file", "-"},
        {}, absl::StrJoin(copies, "\n"));
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return copies;
  }

  // Returns the lines for each module in turn, by base.
  std::vector<std::vector<std::string>> Verify(
      const std::vector<std::string>& modules) {
    std::vector<std::string> arguments = {"verify", "--json", "--from-file",
                                          "-"};
    for (const Kernel& kernel : older_) {
      arguments.insert(arguments.end(), {"--against", kernel.vmlinux_btf});
    }
    const ProcessResult result =
        daemon_.Client(arguments, {}, absl::StrJoin(modules, "\n"));
    const std::vector<std::string> lines =
        absl::StrSplit(result.out, '\n', absl::SkipEmpty());
    std::vector<std::vector<std::string>> by_base(older_.size());
    EXPECT_EQ(lines.size(), modules.size() * older_.size() + 1) << result.err;
    for (size_t i = 0; i + 1 < lines.size(); ++i) {
      by_base[i % older_.size()].push_back(lines[i]);
    }
    return by_base;
  }

  PrivateDaemon daemon_{Programs::OfRunfiles()};
  ScratchDir scratch_;
  Kernel kernel_;
  std::vector<Kernel> older_;
};

bool IsGood(const std::string& line) { return JsonAt(line, "ok") == "true"; }

TEST_F(PointReleases, TheVerdictIsThatOfLibbpf) {
  const std::vector<std::string> modules =
      Distilled(SpreadBySize(kernel_.modules, 200));
  const auto lines = Verify(modules);
  size_t good = 0, bad = 0;
  for (size_t b = 0; b < older_.size(); ++b) {
    const std::string& path = older_[b].vmlinux_btf;
    const OracleBtf base = OracleParse(ReadFileOrEmpty(path), nullptr);
    ASSERT_NE(base, nullptr) << path;
    ASSERT_EQ(lines[b].size(), modules.size());
    for (size_t i = 0; i < modules.size(); ++i) {
      auto module = ReadModuleInput(modules[i]);
      ASSERT_TRUE(module.ok()) << module.status();
      const OracleBtf distilled = OracleParse(module->distilled_base, nullptr);
      ASSERT_NE(distilled, nullptr);
      const OracleBtf split = OracleParse(module->btf, distilled.get());
      ASSERT_NE(split, nullptr);
      const bool relocates = OracleRelocate(split.get(), base.get()) == 0;
      EXPECT_EQ(IsGood(lines[b][i]), relocates)
          << modules[i] << " against " << path << ": " << lines[b][i];
      ++(relocates ? good : bad);
    }
  }
  printf("%zu point releases: %zu relocate, %zu do not\n", older_.size(), good,
         bad);
  EXPECT_GT(good, 100u);
}

std::string Release(const Kernel& kernel) {
  return std::string(absl::StripTrailingAsciiWhitespace(
      ReadFileOrEmpty(kernel.directory + "/release")));
}

// Changes the release for which the module says it was built to another one of
// equal length. Also removes the module's checksums of symbols, because the
// other kernel would refuse those before it looks at the BTF.
void Disguise(const std::string& module, const Kernel& from, const Kernel& as) {
  const std::string ours = Release(from);
  const std::string theirs = fs::path(as.directory).filename();
  ASSERT_EQ(ours.size(), theirs.size());
  const auto name = [](const char* text) {
    return std::string(1, '\0') + text + std::string(1, '\0');
  };
  const std::string before = ReadFileOrEmpty(module);
  const std::string after =
      absl::StrReplaceAll(before, {{"vermagic=" + ours, "vermagic=" + theirs},
                                   {name("__versions"), name("__xersions")}});
  ASSERT_NE(after, before);
  WriteFile(module, after);
}

TEST_F(PointReleases, TheVerdictIsThatOfTheOldestKernel) {
  // Modules that touch no hardware when they start. Most of those on the second
  // line use types whose size has changed since.
  const std::vector<std::string> modules = Distilled(ModulesNamed(
      kernel_.modules, {"dummy", "tcp_veno", "libeth", "michael_mic",
                        "async_tx", "nd_virtio", "mfd-core", "virtio-rng"}));
  ASSERT_EQ(modules.size(), 8u);
  // The oldest release whose name is as long as ours: see Disguise().
  const size_t length = Release(kernel_).size();
  const auto judge =
      std::find_if(older_.begin(), older_.end(), [&](const Kernel& kernel) {
        return fs::path(kernel.directory).filename().string().size() == length;
      });
  ASSERT_NE(judge, older_.end());
  const auto lines = Verify(modules)[judge - older_.begin()];
  ASSERT_EQ(lines.size(), modules.size());
  for (const std::string& module : modules) {
    Disguise(module, kernel_, *judge);
  }
  const Guest guest = Boot(*judge, scratch_.file("guest.log"), modules);
  for (size_t i = 0; i < modules.size(); ++i) {
    const std::string name =
        absl::StrReplaceAll(fs::path(modules[i]).stem().string(), {{"-", "_"}});
    ASSERT_TRUE(guest.verdicts.count(name)) << name << "\n" << guest.log;
    EXPECT_EQ(guest.verdicts.at(name),
              IsGood(lines[i]) ? "rc=0 btf=yes" : "rc=0 btf=no")
        << lines[i] << "\n"
        << guest.log;
    if (IsGood(lines[i])) continue;
    // "type 8 (device) has no match": the kernel says "type 'device' [8]".
    const std::vector<std::string> words =
        absl::StrSplit(lines[i], absl::ByAnyChar(" ()"), absl::SkipEmpty());
    const auto type = std::find(words.begin(), words.end(), "type");
    ASSERT_LT(type + 2, words.end()) << lines[i];
    EXPECT_THAT(guest.log,
                HasSubstr(absl::StrCat("distilled base BTF type '", type[2],
                                       "' [", type[1], "] is not mapped")));
  }
}

}  // namespace
}  // namespace btfd::tests
