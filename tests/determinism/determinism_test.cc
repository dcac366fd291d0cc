// SPDX-License-Identifier: Apache-2.0
//
// One module, one answer: about a hundred modules of all sizes are finalized on
// every way there is (one thread and eight, a cold daemon and a warm one, with
// results computed, found in the cache, or computed by the client; all in one
// stream or one by one; in any order), and the files must be the same bytes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tests/support/module_input.h"
#include "tests/support/private_daemon.h"
#include "tests/support/testdata.h"

namespace btfd::tests {
namespace {

namespace fs = std::filesystem;

// One way: what it adds to the client's environment and command line.
struct Way {
  std::vector<std::string> environment;
  std::vector<std::string> options;
};

class Determinism : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    auto kernel = FindKernel("6.12");
    ASSERT_TRUE(kernel.ok()) << kernel.status();
    state_ = new State;
    state_->base = kernel->vmlinux_btf;
    state_->modules = SpreadBySize(kernel->modules, 90);
    for (const std::string& path : kernel->modules) {
      auto module = ReadModuleInput(path);
      if (module.ok() && module->ids) state_->modules.push_back(path);
    }
    PrivateDaemon daemon(Programs::OfRunfiles());
    state_->expected = Finalize(daemon, {{"BTFD_THREADS=1"}, {"--jobs=1"}});
  }
  static void TearDownTestSuite() {
    delete state_;
    state_ = nullptr;
  }

  struct State {
    std::string base;
    std::vector<std::string> modules;
    std::vector<std::string> expected;  // whole files
  };

  static std::vector<std::string> Arguments(const Way& way) {
    std::vector<std::string> arguments = {
        "finalize", "--base",           state_->base,      "--profile=7.3",
        "--dedup",  "--distill=always", "--drop-signature"};
    arguments.insert(arguments.end(), way.options.begin(), way.options.end());
    return arguments;
  }

  // Finalizes in the given order, and returns the modules' bytes in their own
  // order.
  static std::vector<std::string> Finalize(const PrivateDaemon& daemon,
                                           const Way& way,
                                           uint32_t shuffle = 0) {
    ScratchDir scratch;
    std::vector<std::string> copies = Copy(scratch);
    std::vector<std::string> order = copies;
    if (shuffle != 0) {
      std::shuffle(order.begin(), order.end(), std::mt19937(shuffle));
    }
    std::vector<std::string> arguments = Arguments(way);
    arguments.insert(arguments.end(), {"--from-file", "-"});
    const ProcessResult result = daemon.Client(
        arguments, way.environment, absl::StrJoin(order, "\n") + "\n");
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return Contents(copies);
  }

  static std::vector<std::string> Copy(const ScratchDir& scratch) {
    std::vector<std::string> copies;
    for (const std::string& path : state_->modules) {
      copies.push_back(scratch.file(absl::StrCat(copies.size(), ".ko")));
      fs::copy_file(path, copies.back());
    }
    return copies;
  }

  static std::vector<std::string> Contents(
      const std::vector<std::string>& paths) {
    std::vector<std::string> contents;
    for (const std::string& path : paths) {
      contents.push_back(ReadFileOrEmpty(path));
    }
    return contents;
  }

  static void ExpectExpected(const std::vector<std::string>& contents) {
    ASSERT_EQ(contents.size(), state_->expected.size());
    ASSERT_GT(contents.size(), 90u);
    for (size_t i = 0; i < contents.size(); ++i) {
      EXPECT_TRUE(contents[i] == state_->expected[i]) << state_->modules[i];
    }
  }

  static State* state_;
  PrivateDaemon daemon_{Programs::OfRunfiles()};
};

Determinism::State* Determinism::state_ = nullptr;

TEST_F(Determinism, TheFilesWereFinalized) {
  for (size_t i = 0; i < state_->modules.size(); ++i) {
    EXPECT_FALSE(state_->expected[i] == ReadFileOrEmpty(state_->modules[i]));
  }
}

TEST_F(Determinism, EightThreadsColdThenWarmThenFromTheCache) {
  const Way eight = {{"BTFD_THREADS=8"}, {"--jobs=64"}};
  ExpectExpected(Finalize(daemon_, eight));
  const Way computed = {{"BTFD_RESULT_CACHE=0"}, {"--jobs=64"}};
  ExpectExpected(Finalize(daemon_, computed));
  ExpectExpected(Finalize(daemon_, eight));
}

TEST_F(Determinism, AnyOrder) {
  ExpectExpected(Finalize(daemon_, {{"BTFD_THREADS=8"}, {"--jobs=64"}}, 1));
  ExpectExpected(Finalize(daemon_, {{"BTFD_RESULT_CACHE=0"}, {"--jobs=3"}}, 2));
}

// The index comes back from the store, and the results are those of an earlier
// daemon.
TEST_F(Determinism, ARestartedDaemon) {
  ExpectExpected(Finalize(daemon_, {{"BTFD_RESULT_CACHE=0"}, {}}));
  ASSERT_TRUE(daemon_.Stop().ok());
  ExpectExpected(Finalize(daemon_, {{"BTFD_RESULT_CACHE=0"}, {}}));
}

TEST_F(Determinism, TheClientAloneWhereTheDaemonIsNotUsed) {
  ExpectExpected(Finalize(daemon_, {{"BTFD_DISABLE=1", "BTFD_REQUIRE=0"}, {}}));
  EXPECT_FALSE(daemon_.Pid().ok());
}

TEST_F(Determinism, OneByOne) {
  ScratchDir scratch;
  const std::vector<std::string> copies = Copy(scratch);
  for (const std::string& copy : copies) {
    std::vector<std::string> arguments = Arguments({});
    arguments.push_back(copy);
    const ProcessResult result = daemon_.Client(arguments);
    EXPECT_EQ(result.exit_code, 0) << result.err;
  }
  ExpectExpected(Contents(copies));
}

}  // namespace
}  // namespace btfd::tests
