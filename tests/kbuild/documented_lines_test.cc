// SPDX-License-Identifier: Apache-2.0
//
// The lines that README.md and tools/kbuild/README.md tell users to put into
// their builds. With btfd in PATH, each must pass our tools to make. Without it
// (under sudo, in hooks of packages, at boot), each must make the call that it
// would be without our lines.
#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/process.h"

namespace btfd::tests {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

// Returns the blocks between ``` lines, one string for each.
std::vector<std::string> BlocksOf(const std::string& path) {
  std::vector<std::string> blocks;
  const std::string text = ReadFileOrEmpty(path);
  EXPECT_NE(text, "") << path;
  bool inside = false;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    if (line == "```") {
      inside = !inside;
      if (inside) blocks.emplace_back();
    } else if (inside) {
      absl::StrAppend(&blocks.back(), line, "\n");
    }
  }
  return blocks;
}

class DocumentedLines : public ::testing::Test {
 protected:
  DocumentedLines() {
    // A make that prints its arguments, and programs with the names of ours.
    Program(tools_.file("make"), "echo \"make $*\"");
    for (const char* ours : {"resolve_btfids", "pahole"}) {
      Program(ours_.file(ours), "exit 0");
    }
    Program(ours_.file("btfc"), "echo \"btfc $*\"");
  }
  static void Program(const std::string& path, const std::string& line) {
    WriteFile(path, absl::StrCat("#!/bin/sh\n", line, "\n"));
    fs::permissions(path, fs::perms::owner_all);
  }

  // Runs a script, with or without btfd in PATH, and returns the printed lines.
  std::vector<std::string> Run(const std::string& script, bool with_btfd) {
    const ProcessResult result = RunProcess(
        {"env", "-i",
         absl::StrCat("PATH=", with_btfd ? ours_.path() + ":" : "",
                      tools_.path(), ":/usr/sbin:/usr/bin:/sbin:/bin"),
         "bash", "-ec", script});
    EXPECT_EQ(result.exit_code, 0) << script << result.err;
    return absl::StrSplit(result.out, '\n', absl::SkipEmpty());
  }
  std::string OurTool() const {
    return "RESOLVE_BTFIDS=" + ours_.file("resolve_btfids");
  }

  const ScratchDir tools_, ours_;
};

TEST_F(DocumentedLines, OfMakeGiveOurToolsOrFallAway) {
  int lines = 0;
  for (const char* readme : {"README.md", "tools/kbuild/README.md"}) {
    for (const std::string& block : BlocksOf(readme)) {
      for (const absl::string_view line : absl::StrSplit(block, '\n')) {
        if (!absl::StartsWith(line, "make ")) continue;
        ++lines;
        const auto with = Run(std::string(line), true);
        EXPECT_THAT(with, SizeIs(1));
        EXPECT_THAT(with, Each(HasSubstr(OurTool()))) << line;
        const bool pahole = absl::StrContains(line, "PAHOLE");
        EXPECT_EQ(absl::StrContains(with[0], "PAHOLE=" + ours_.path()), pahole)
            << line;
        const auto without = Run(std::string(line), false);
        EXPECT_THAT(without, SizeIs(1));
        EXPECT_THAT(without, Each(Not(HasSubstr("RESOLVE_BTFIDS")))) << line;
      }
    }
  }
  EXPECT_EQ(lines, 5);
}

// Puts the blocks for DKMS one behind the other, and then does what DKMS does
// with the command: it sets a default value if there is none, and adds options.
class DkmsLines : public DocumentedLines {
 protected:
  DkmsLines() {
    for (const std::string& block : BlocksOf("tools/kbuild/README.md")) {
      if (absl::StartsWith(block, "MAKE[0]=")) blocks_.push_back(block);
    }
  }
  std::vector<std::string> Build(const std::string& package, size_t blocks,
                                 bool with_btfd) {
    std::string script =
        absl::StrCat("kernel_source_dir=", kernel_.path(), " kernelver=6.12.1 ",
                     "dkms_tree=", tree_.path(),
                     " PACKAGE_NAME=p PACKAGE_VERSION=1\n", package, "\n");
    for (size_t i = 0; i < blocks; ++i) script += blocks_[i];
    script +=
        "command=${MAKE[0]:-make default}\n"
        "eval \"${command/#make/make -j2 KERNELRELEASE=$kernelver}\"\n";
    return Run(script, with_btfd);
  }

  const ScratchDir kernel_, tree_;
  std::vector<std::string> blocks_;
};

constexpr char kManyCalls[] =
    "MAKE[0]=\"make -C ${kernel_source_dir} M=$dkms_tree/p/1/build/a modules "
    "\\\n"
    "  && make -C ${kernel_source_dir} M=$dkms_tree/p/1/build/b modules\"";

TEST_F(DkmsLines, AddTheVariableToEachCallOfThePackage) {
  ASSERT_THAT(blocks_, SizeIs(2));
  const auto plain = Build(kManyCalls, 0, true);
  const auto with = Build(kManyCalls, 1, true);
  ASSERT_THAT(with, SizeIs(2));
  EXPECT_THAT(with, Each(HasSubstr(OurTool())));
  for (size_t i = 0; i < with.size(); ++i) {
    EXPECT_EQ(absl::StrReplaceAll(with[i], {{OurTool() + " ", ""}}), plain[i]);
  }
  EXPECT_EQ(
      absl::StrReplaceAll(absl::StrJoin(Build(kManyCalls, 1, false), "\n"),
                          {{"  ", " "}}),
      absl::StrJoin(plain, "\n"));
}

TEST_F(DkmsLines, BuildAPackageThatNamesNoCommand) {
  const auto with = Build("", 1, true);
  ASSERT_THAT(with, SizeIs(1));
  EXPECT_THAT(
      with[0],
      AllOf(StartsWith("make -j2 KERNELRELEASE=6.12.1 "), HasSubstr(OurTool()),
            HasSubstr(absl::StrCat("-C ", kernel_.path(), " M=", tree_.path(),
                                   "/p/1/build"))));
  EXPECT_THAT(Build("", 1, false), Each(Not(HasSubstr("RESOLVE"))));
}

TEST_F(DkmsLines, DistillAllModulesOfThePackage) {
  fs::create_directories(tree_.file("p/1/build/a"));
  WriteFile(tree_.file("p/1/build/a/a.ko"), "");
  EXPECT_THAT(Build(kManyCalls, 2, true), SizeIs(2)) << "without a vmlinux";
  WriteFile(kernel_.file("vmlinux"), "");
  const auto with = Build(kManyCalls, 2, true);
  ASSERT_FALSE(with.empty());
  EXPECT_EQ(with.back(),
            absl::StrCat("btfc finalize --profile 6.12.1 --distill=always "
                         "--base ",
                         kernel_.file("vmlinux"), " ",
                         tree_.file("p/1/build/a/a.ko")));
  EXPECT_THAT(Build(kManyCalls, 2, false), SizeIs(2));
}

// tools/kbuild/gen-btf.sh is put in the place of the kernel's own.
TEST_F(DocumentedLines, TheScriptCallsTheKernelsWhereThereIsNoBtfc) {
  const ScratchDir scripts;
  fs::copy_file("tools/kbuild/gen-btf.sh", scripts.file("gen-btf.sh"));
  const std::string call = "sh " + scripts.file("gen-btf.sh") +
                           " --btf_base vmlinux a.ko || echo $?";
  EXPECT_EQ(Run(call, true).at(0), "btfc gen-btf --btf_base vmlinux a.ko");
  EXPECT_EQ(Run(call, false).at(0), "127");
  WriteFile(scripts.file("gen-btf.upstream.sh"), "echo \"upstream $*\"\n");
  EXPECT_EQ(Run(call, false).at(0), "upstream --btf_base vmlinux a.ko");
}

}  // namespace
}  // namespace btfd::tests
