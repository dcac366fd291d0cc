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
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/process.h"

namespace btfd::tests {
namespace {

namespace fs = std::filesystem;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

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
