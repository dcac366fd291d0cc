// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>

#include "client/commands/commands.h"
#include "client/testing/testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace btfd::client {
namespace {

using ::testing::AllOf;
using testing::FreshDirectory;
using ::testing::HasSubstr;
using testing::ReadFile;
using testing::TestData;
using testing::WriteFile;

struct Ended {
  int exit_code;
  std::string out;
  std::string err;
};

Ended ExtractBase(const std::vector<std::string>& arguments) {
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  const int exit_code = RunExtractBase(arguments);
  return {exit_code, ::testing::internal::GetCapturedStdout(),
          ::testing::internal::GetCapturedStderr()};
}

TEST(ExtractBase, MakesTheVmlinuxThatABuildDirectoryMisses) {
  const std::string file = FreshDirectory() + "/vmlinux";
  const Ended ended =
      ExtractBase({TestData("kernels/7.2/vmlinuz"), "-o", file});
  ASSERT_EQ(ended.exit_code, 0) << ended.err;
  EXPECT_TRUE(ReadFile(file) == ReadFile(TestData("kernels/7.2/vmlinux")));
  EXPECT_THAT(ended.err,
              AllOf(HasSubstr(file + ": "), HasSubstr(" payload at offset "),
                    HasSubstr("; .BTF of ")));
}

TEST(ExtractBase, RawIsTheContentOfBtf) {
  const std::string file = FreshDirectory() + "/base.btf";
  for (const char* kernel : {"vmlinuz", "vmlinux", "vmlinux.btf"}) {
    const Ended ended = ExtractBase(
        {"--raw", TestData(std::string("kernels/6.12/") + kernel), "-o", file});
    ASSERT_EQ(ended.exit_code, 0) << ended.err;
    EXPECT_TRUE(ReadFile(file) ==
                ReadFile(TestData("kernels/6.12/vmlinux.btf")))
        << kernel;
  }
}

TEST(ExtractBase, WhatHoldsNoKernelLeavesTheOldFile) {
  const std::string directory = FreshDirectory();
  const std::string file = directory + "/vmlinux";
  WriteFile(file, "old");
  WriteFile(directory + "/text", "not a kernel");
  const Ended ended = ExtractBase({directory + "/text", "-o", file});
  EXPECT_EQ(ended.exit_code, 1);
  EXPECT_THAT(ended.err, HasSubstr("/text: no kernel in it"));
  EXPECT_EQ(ReadFile(file), "old");
}

TEST(ExtractBase, PlaceThatCannotBeWrittenIsNamed) {
  const Ended ended = ExtractBase(
      {TestData("kernels/6.12/vmlinux.btf"), "-o", "/no/such/directory/x"});
  EXPECT_EQ(ended.exit_code, 1);
  EXPECT_THAT(ended.err, HasSubstr("/no/such/directory/x"));
}

TEST(ExtractBase, WrongCallsAreExplained) {
  EXPECT_EQ(ExtractBase({"vmlinuz"}).exit_code, 2);
  EXPECT_THAT(ExtractBase({"vmlinuz"}).err, HasSubstr("-o FILE"));
  EXPECT_EQ(ExtractBase({"-o", "x"}).exit_code, 2);
  EXPECT_THAT(ExtractBase({"-o", "x"}).err, HasSubstr("name one KERNEL"));
  EXPECT_EQ(ExtractBase({"--help"}).exit_code, 0);
  EXPECT_THAT(ExtractBase({"--help"}).out,
              HasSubstr("/sys/kernel/btf/vmlinux"));
}

}  // namespace
}  // namespace btfd::client
