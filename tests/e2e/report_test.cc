// SPDX-License-Identifier: Apache-2.0
//
// `btfc report` on real modules: that its numbers are those of the files and of
// finalization, that it says why functions are missing where that is known, and
// how it ends. What it counts is tested in lib/report; the page is opened by a
// browser in `tools/check ops`.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "lib/elf/testing/elf_builder.h"
#include "tests/support/json.h"
#include "tests/support/module_input.h"
#include "tests/support/process.h"
#include "tests/support/testdata.h"

namespace btfd::tests {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class Report : public ::testing::Test {
 protected:
  void SetUp() override {
    auto kernel = FindKernel("7.2");
    ASSERT_TRUE(kernel.ok()) << kernel.status();
    kernel_ = *kernel;
  }
  static ProcessResult Run(std::vector<std::string> words,
                           const std::string& input = "") {
    words.insert(words.begin(), "client/btfc");
    return RunProcess(words, {{"BTFD_DISABLE=1"}, "", input});
  }
  static std::vector<std::string> Lines(const std::string& text) {
    return absl::StrSplit(text, '\n', absl::SkipEmpty());
  }

  // A directory with copies of the modules, deduplicated.
  std::string Finalized(const std::vector<std::string>& modules,
                        const std::string& distill) {
    const std::string directory = scratch_.file(distill);
    fs::create_directory(directory);
    std::vector<std::string> copies;
    for (const std::string& path : modules) {
      copies.push_back(directory + "/" + fs::path(path).filename().string());
      fs::copy_file(path, copies.back());
    }
    const ProcessResult made =
        Run({"finalize", "--base", kernel_.vmlinux_btf, "--profile=7.2",
             "--dedup", distill, "--drop-signature", "--from-file", "-"},
            absl::StrJoin(copies, "\n"));
    EXPECT_EQ(made.exit_code, 0) << made.err;
    return directory;
  }
  static ModuleInput InputOf(const std::string& directory,
                             const std::string& path) {
    return ReadModuleInput(directory + "/" + fs::path(path).filename().string())
        .value_or(ModuleInput());
  }

  Kernel kernel_;
  ScratchDir scratch_;
};

TEST_F(Report, ItsNumbersAreThoseOfTheFilesAndOfFinalization) {
  const std::vector<std::string> modules = SpreadBySize(kernel_.modules, 30);
  const ProcessResult result = Run(
      {"report", "--base", kernel_.vmlinux_btf, "--json", "--from-file", "-"},
      absl::StrJoin(modules, "\n"));
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const std::vector<std::string> lines = Lines(result.out);
  ASSERT_EQ(lines.size(), modules.size() + 1);
  const std::string deduplicated = Finalized(modules, "--distill=never");
  const std::string distilled = Finalized(modules, "--distill=always");
  uint64_t sum = 0, sum_deduplicated = 0;
  for (const std::string& line : lines) {
    const std::string path = JsonAt(line, "module");
    if (path == "(none)") continue;
    const auto module = ReadModuleInput(path);
    ASSERT_TRUE(module.ok()) << module.status();
    EXPECT_EQ(JsonNumberAt(line, "btf"), module->btf.size()) << path;
    // Each byte is in one place.
    EXPECT_EQ(JsonNumberAt(line, "copied") + JsonNumberAt(line, "repeated") +
                  JsonNumberAt(line, "alone") + JsonNumberAt(line, "strings") +
                  24,
              module->btf.size())
        << path;
    // Finalization makes what the report says it would.
    EXPECT_EQ(JsonNumberAt(line, "deduplicated"),
              InputOf(deduplicated, path).btf.size())
        << path;
    const ModuleInput module_distilled = InputOf(distilled, path);
    EXPECT_EQ(JsonNumberAt(line, "distilled_base"),
              module_distilled.distilled_base.size())
        << path;
    EXPECT_EQ(JsonNumberAt(line, "distilled_btf"), module_distilled.btf.size())
        << path;
    sum += module->btf.size();
    sum_deduplicated += JsonNumberAt(line, "deduplicated");
  }
  const std::string& last = lines.back();
  EXPECT_EQ(JsonNumberAt(last, "summary.btf"), sum);
  EXPECT_EQ(JsonNumberAt(last, "summary.deduplicated"), sum_deduplicated);
  EXPECT_EQ(JsonNumberAt(last, "summary.modules"), modules.size());
  // Debian's 7.2 for amd64: each module carries copies of the base's types.
  EXPECT_EQ(JsonNumberAt(last, "summary.modules_with_copies"), modules.size());
  EXPECT_EQ(JsonAt(last, "summary.types.0.name"), "task_struct");
  EXPECT_EQ(JsonAt(last, "summary.types.0.in_base"), "true");
}

TEST_F(Report, AnInstalledKernelAsATableAndAPage) {
  const std::string release = "7.2.0-test";
  const std::string modules = scratch_.file("lib/modules/" + release);
  fs::create_directories(modules + "/kernel");
  fs::create_directories(scratch_.file("boot"));
  fs::copy_file(kernel_.vmlinuz(), scratch_.file("boot/vmlinuz-" + release));
  for (const std::string& path : SpreadBySize(kernel_.modules, 10)) {
    fs::copy_file(path,
                  modules + "/kernel/" + fs::path(path).filename().string());
  }
  const std::string page = scratch_.file("page.html");
  const ProcessResult result = Run({"report", "--kernel", release, "--root",
                                    scratch_.path(), "--html", page});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(
      result.out,
      AllOf(StartsWith("Linux 7.2.0-test: "),
            HasSubstr("goes by dedup against the base"),
            HasSubstr("By kind\n  STRUCT "),
            HasSubstr("STRUCT task_struct (the base has it)"),
            HasSubstr("have a FUNC"), HasSubstr("not known without DWARF")));
  const std::string html = ReadFileOrEmpty(page);
  // Not by a matcher, which would print the whole page.
  const auto has = [&html](const char* text) {
    return html.find(text) != std::string::npos;
  };
  EXPECT_TRUE(has("<!DOCTYPE html>"));
  EXPECT_TRUE(has("\"what\":\"Linux 7.2.0-test: "));
  EXPECT_TRUE(has("[\"STRUCT\",\"task_struct\","));
  EXPECT_FALSE(has("://"));
}

TEST_F(Report, WithDwarfTheReasonIsKnown) {
  const std::string module = scratch_.file("xfs.ko");
  fs::copy_file(TestdataRoot() + "/dbg/6.12/xfs.ko", module);
  const auto base = FindKernelBtf("6.12");
  ASSERT_TRUE(base.ok()) << base.status();
  ASSERT_EQ(Run({"gen-btf", "--btf_base", *base, module}).exit_code, 0);
  const ProcessResult result =
      Run({"report", "--base", *base, "--json", module});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const std::string line = Lines(result.out)[0];
  EXPECT_GT(JsonNumberAt(line, "functions"), 1000u);
  EXPECT_THAT(line, AllOf(HasSubstr("\"missing_functions\": [{"),
                          Not(HasSubstr("not known without DWARF"))));
  const std::string summary = Lines(result.out).back();
  EXPECT_THAT(summary, HasSubstr("\"missing_reasons\": {"));
}

TEST_F(Report, WhatCannotBeReadIsNamedAndTheRestIsCounted) {
  const std::string broken = scratch_.file("broken.ko");
  elf::ElfBuilder elf;
  elf.AddSection(".BTF", std::string("\x9f\xeb\x01\x00\x18", 5));
  WriteFile(broken, elf.Build());
  const ProcessResult result =
      Run({"report", "--base", kernel_.vmlinux_btf, kernel_.modules[0], broken,
           scratch_.file("missing.ko")});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err,
              AllOf(HasSubstr("btfc: " + broken + ": .BTF: "),
                    HasSubstr("missing.ko: cannot open: No such file")));
  EXPECT_THAT(result.out, HasSubstr("The given files: 1 modules, "));
}

// A module with its own .BTF.base needs no other one.
TEST_F(Report, WithoutABaseADistilledModuleStandsOnItsOwn) {
  const auto found = ModulesNamed(kernel_.modules, {"xt_TEE"});
  ASSERT_EQ(found.size(), 1u);
  const std::string distilled = scratch_.file("xt_TEE.ko");
  ASSERT_EQ(Run({"finalize", "--base", kernel_.vmlinux_btf, "--profile=7.2",
                 "--distill=always", "--drop-signature", "--output", distilled,
                 found[0]})
                .exit_code,
            0);
  ProcessResult result = Run({"report", "--json", distilled});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_GT(JsonNumberAt(Lines(result.out)[0], "btf_base"), 0u);
  EXPECT_EQ(JsonAt(Lines(result.out)[0], "deduplicated"), "(none)");
  // One without it does.
  result = Run({"report", "--json", found[0]});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr(found[0] + ": .BTF: "));
}

TEST_F(Report, AWrongCallEndsWithTwo) {
  const std::vector<std::vector<std::string>> calls = {
      {},
      {"--kernel", "1.0", "x.ko"},
      {"--kernel", "1/0"},
      {"--kernel", "1.0", "--base", "x"},
      {"--root", "/x", "x.ko"},
      {"--top", "many", "x.ko"},
  };
  for (const std::vector<std::string>& call : calls) {
    std::vector<std::string> words = {"report"};
    words.insert(words.end(), call.begin(), call.end());
    const ProcessResult result = Run(words);
    EXPECT_EQ(result.exit_code, 2) << absl::StrJoin(call, " ");
    EXPECT_THAT(result.err, StartsWith("btfc report: "));
  }
  EXPECT_EQ(Run({"report", "--base", "/no/base", "x.ko"}).exit_code, 1);
  EXPECT_EQ(Run({"report", "--base", kernel_.vmlinux_btf, "--html",
                 "/no/directory/page.html", kernel_.modules[0]})
                .exit_code,
            1);
}

}  // namespace
}  // namespace btfd::tests
