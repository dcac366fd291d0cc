// SPDX-License-Identifier: Apache-2.0
//
// Byte identity with bpftool of Linux 7.3: what `gen min_core_btf` writes for
// each program, and for all at once, on the kernels of the test data.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "lib/btf/base.h"
#include "lib/core/min_core.h"
#include "lib/core/program.h"
#include "tests/core/objects.h"
#include "tests/support/process.h"
#include "tests/support/testdata.h"

namespace btfd::tests {
namespace {

// What bpftool writes; empty, with what it says in *complaint, if it fails.
std::string ByBpftool(const std::string& kernel,
                      const std::vector<std::string>& objects,
                      std::string* complaint) {
  const absl::StatusOr<std::string> bpftool = FindBpftool();
  *complaint = bpftool.status().ToString();
  if (!bpftool.ok()) return "";
  const ScratchDir directory;
  std::vector<std::string> argv = {*bpftool, "gen", "min_core_btf", kernel,
                                   directory.file("out.btf")};
  argv.insert(argv.end(), objects.begin(), objects.end());
  const ProcessResult result = RunProcess(argv);
  *complaint = absl::StrCat(result.exit_code, ": ", result.err);
  return result.exit_code == 0 ? ReadFileOrEmpty(directory.file("out.btf"))
                               : "";
}

absl::StatusOr<std::string> ByUs(const btf::Base& kernel,
                                 const std::vector<std::string>& objects) {
  core::MinCore min_core(kernel, 0);
  std::vector<core::Program> programs;
  programs.reserve(objects.size());
  for (const std::string& object : objects) {
    auto program = ReadProgram(object);
    if (!program.ok()) return program.status();
    programs.push_back(*std::move(program));
    if (auto status = min_core.AddProgram(programs.back()); !status.ok()) {
      return status;
    }
  }
  auto minimized = min_core.Write();
  if (!minimized.ok()) return minimized.status();
  return minimized->kernel;
}

class Identity : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const absl::StatusOr<std::string> btf = FindKernelBtf(GetParam());
    ASSERT_TRUE(btf.ok()) << btf.status();
    path_ = *btf;
    auto base = btf::Base::Build(ReadFileOrEmpty(path_));
    ASSERT_TRUE(base.ok()) << base.status();
    base_ = *base;
  }

  void Compare(const std::vector<std::string>& objects) {
    std::string complaint;
    const std::string theirs = ByBpftool(path_, objects, &complaint);
    const auto ours = ByUs(*base_, objects);
    EXPECT_FALSE(theirs.empty()) << objects[0] << ": " << complaint;
    ASSERT_TRUE(ours.ok()) << ours.status();
    EXPECT_TRUE(*ours == theirs) << objects[0] << ": " << ours->size()
                                 << " and " << theirs.size() << " bytes";
    bytes_ += theirs.size();
  }

  std::string path_;
  std::shared_ptr<const btf::Base> base_;
  size_t bytes_ = 0;
};

TEST_P(Identity, EachProgramHasTheBytesOfBpftool) {
  const std::vector<std::string> objects = BpfObjects();
  for (const std::string& object : objects) Compare({object});
  EXPECT_GE(objects.size(), 20u);
  EXPECT_GT(bytes_, 100u * objects.size());
}

TEST_P(Identity, ProgramsOfTheOtherByteOrderAreTheSame) {
  for (const std::string& object : BpfObjects(/*big_endian=*/true)) {
    Compare({object});
  }
}

TEST_P(Identity, AllProgramsTogetherInAnyOrder) {
  std::vector<std::string> objects = BpfObjects();
  Compare(objects);
  const auto forward = ByUs(*base_, objects);
  std::reverse(objects.begin(), objects.end());
  Compare(objects);
  EXPECT_EQ(forward, ByUs(*base_, objects));
}

TEST_P(Identity, TypesThatMatch) {
  const ScratchDir directory;
  const std::string object = directory.file("matches.bpf.o");
  WriteFile(object, WithMatches(BpfObject("type_matches")));
  Compare({object});
}

INSTANTIATE_TEST_SUITE_P(Kernels, Identity,
                         testing::Values("6.1", "6.12", "7.3"),
                         [](const auto& info) {
                           return absl::StrCat(
                               "Linux",
                               absl::StrReplaceAll(info.param, {{".", "_"}}));
                         });

}  // namespace
}  // namespace btfd::tests
