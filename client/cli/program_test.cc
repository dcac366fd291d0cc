// SPDX-License-Identifier: Apache-2.0
#include "client/cli/program.h"

#include <signal.h>

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace btfd::client {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(SplitWords, CutsAtBlanksAsTheShellDoes) {
  EXPECT_THAT(SplitWords("  ccache\tgcc -m64\n"),
              ElementsAre("ccache", "gcc", "-m64"));
  EXPECT_THAT(SplitWords(" \n"), IsEmpty());
}

TEST(RunProgram, ReturnsTheExitCode) {
  EXPECT_EQ(*RunProgram({"sh", "-c", "exit 7"}), 7);
  EXPECT_EQ(*RunProgram({"/bin/sh", "-c", "kill -9 $$"}), 128 + 9);
}

TEST(RunProgram, CollectsWhatIsPrinted) {
  std::string output;
  EXPECT_EQ(*RunProgram({"sh", "-c", "seq 1 30000; exit 3"}, &output), 3);
  EXPECT_THAT(output, HasSubstr("\n29999\n30000\n"));
}

// A shell with `trap '' CHLD` starts its children so.
TEST(RunProgram, ReturnsTheExitCodeWhereOurParentIgnoresChildren) {
  signal(SIGCHLD, SIG_IGN);
  EXPECT_EQ(*RunProgram({"sh", "-c", "exit 7"}), 7);
  std::string output;
  signal(SIGCHLD, SIG_IGN);
  EXPECT_EQ(*RunProgram({"sh", "-c", "echo said"}, &output), 0);
  EXPECT_EQ(output, "said\n");
}

TEST(RunProgram, MissingProgramIsNamed) {
  const absl::Status status = RunProgram({"/no/such/pahole"}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("/no/such/pahole: cannot start"));
}

}  // namespace
}  // namespace btfd::client
