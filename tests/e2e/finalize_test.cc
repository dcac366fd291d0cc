// SPDX-License-Identifier: Apache-2.0
//
// `btfc finalize` on real modules, with client and daemon. The sections must be
// as upstream's tool makes them. Finalizing twice must give the same as once,
// and a result from the cache the same as a computed one. A restarted daemon
// must not need the base again.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "tests/support/json.h"
#include "tests/support/module_input.h"
#include "tests/support/peer.h"
#include "tests/support/private_daemon.h"
#include "tests/support/testdata.h"

namespace btfd::tests {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class Finalize : public ::testing::Test {
 protected:
  void SetUp() override {
    auto kernel = FindKernel("6.12");
    ASSERT_TRUE(kernel.ok()) << kernel.status();
    kernel_ = *kernel;
  }

  // Makes fresh, signed copies. Their names have an index, so that no two are
  // equal.
  std::vector<std::string> Copy(const std::vector<std::string>& modules,
                                const std::string& name) {
    fs::create_directories(scratch_.file(name));
    std::vector<std::string> copies;
    for (const std::string& path : modules) {
      copies.push_back(
          absl::StrCat(scratch_.file(name), "/", copies.size(), ".ko"));
      fs::copy_file(path, copies.back());
    }
    return copies;
  }

  ProcessResult Run(const std::vector<std::string>& copies,
                    const std::vector<std::string>& options = {
                        "--profile=7.3", "--dedup", "--distill=always",
                        "--drop-signature"}) {
    std::vector<std::string> arguments = {"finalize", "--base",
                                          kernel_.vmlinux_btf};
    arguments.insert(arguments.end(), options.begin(), options.end());
    arguments.insert(arguments.end(), {"--from-file", "-"});
    return daemon_.Client(arguments, {}, absl::StrJoin(copies, "\n") + "\n");
  }

  static std::vector<std::string> Contents(
      const std::vector<std::string>& paths) {
    std::vector<std::string> contents;
    for (const std::string& path : paths) {
      contents.push_back(ReadFileOrEmpty(path));
    }
    return contents;
  }

  // A counter of the running daemon. Counters that are 0 are not listed.
  long Counter(const std::string& name) {
    const ProcessResult status = daemon_.Client({"status", "--json"});
    EXPECT_EQ(JsonAt(status.out, "running"), "true") << status.out;
    return static_cast<long>(JsonNumberAt(status.out, "counters." + name));
  }

  PrivateDaemon daemon_{Programs::OfRunfiles()};
  ScratchDir scratch_;
  Kernel kernel_;
};

TEST_F(Finalize, EveryModuleOf612HoldsWhatThePeerMakes) {
  auto peer = FindPeer("7.3");
  ASSERT_TRUE(peer.ok()) << peer.status();
  const auto copies = Copy(kernel_.modules, "all");
  const ProcessResult result = Run(copies);
  ASSERT_EQ(result.exit_code, 0) << result.err;

  size_t compared = 0;
  // Upstream's tool is slow, so it runs on every ninth module. Tests in one
  // process compare all of them.
  for (size_t i = 0; i < copies.size(); i += 9) {
    const ResolveResult theirs = RunResolveBtfids(
        {*peer}, {"--btf_base", kernel_.vmlinux_btf, "--distill_base"},
        kernel_.modules[i]);
    auto ours = ReadModuleInput(copies[i]);
    ASSERT_TRUE(ours.ok()) << ours.status();
    ASSERT_TRUE(theirs.btf.has_value()) << theirs.err;
    EXPECT_TRUE(ours->btf == *theirs.btf) << kernel_.modules[i];
    EXPECT_TRUE(ours->distilled_base == *theirs.btf_base) << kernel_.modules[i];
    ++compared;
  }
  EXPECT_GT(compared, 100u);
}

TEST_F(Finalize, TwiceGivesTheSameFilesAsOnce) {
  const auto copies = Copy(kernel_.modules, "all");
  ASSERT_EQ(Run(copies).exit_code, 0);
  const auto once = Contents(copies);
  const ProcessResult again = Run(copies);
  ASSERT_EQ(again.exit_code, 0) << again.err;
  const auto twice = Contents(copies);
  for (size_t i = 0; i < copies.size(); ++i) {
    EXPECT_TRUE(once[i] == twice[i]) << kernel_.modules[i];
  }
}

TEST_F(Finalize, ABootImageIsTheBaseThatItsVmlinuxIs) {
  const auto spread = SpreadBySize(kernel_.modules, 5);
  const auto by_vmlinux = Copy(spread, "vmlinux");
  ASSERT_EQ(Run(by_vmlinux).exit_code, 0);
  const auto by_image = Copy(spread, "vmlinuz");
  std::vector<std::string> arguments = {
      "finalize",         "--base",  kernel_.vmlinuz(), "--profile=7.3",
      "--distill=always", "--dedup", "--drop-signature"};
  arguments.insert(arguments.end(), by_image.begin(), by_image.end());
  const ProcessResult result = daemon_.Client(arguments);
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_TRUE(Contents(by_vmlinux) == Contents(by_image));
  // And the daemon holds one base.
  const ProcessResult add = daemon_.Client({"base", "add", kernel_.vmlinuz()});
  EXPECT_THAT(add.out, HasSubstr(", known already")) << add.err;
}

TEST_F(Finalize, FromTheCacheIsTheSameAsComputed) {
  const auto spread = SpreadBySize(kernel_.modules, 100);
  const auto first = Copy(spread, "first");
  const auto second = Copy(spread, "second");
  ASSERT_EQ(Run(first).exit_code, 0);
  const long hits_before = Counter("cache_hits");
  ASSERT_EQ(Run(second).exit_code, 0);
  EXPECT_GE(Counter("cache_hits") - hits_before, 95);
  EXPECT_TRUE(Contents(first) == Contents(second));
}

TEST_F(Finalize, ARestartedDaemonIsNotSentTheBaseAgain) {
  const auto spread = SpreadBySize(kernel_.modules, 3);
  ASSERT_EQ(Run(Copy(spread, "first")).exit_code, 0);
  EXPECT_EQ(Counter("bases_built"), 1);
  ASSERT_TRUE(daemon_.Stop().ok());
  ASSERT_EQ(Run(Copy(spread, "second")).exit_code, 0);
  EXPECT_EQ(Counter("outcome_base_unknown"), 0);
  EXPECT_EQ(Counter("bases_built"), 0) << "the index is stored, too";
  EXPECT_EQ(Counter("bases_loaded"), 1);
}

// gRPC ends its threads with its last object. One of them looks up every ten
// seconds only (lib/wire/keep_grpc.h).
TEST_F(Finalize, ADaemonStopsAtOnceAfterABatch) {
  for (int round = 0; round < 2; ++round) {
    const auto copies =
        Copy(SpreadBySize(kernel_.modules, 100), absl::StrCat("round", round));
    ASSERT_EQ(Run(copies).exit_code, 0);
    const absl::Time start = absl::Now();
    ASSERT_TRUE(daemon_.Stop().ok());
    EXPECT_LT(absl::Now() - start, absl::Seconds(8)) << "in round " << round;
  }
}

TEST_F(Finalize, WithoutADaemonTheBytesAreTheSame) {
  const auto spread = SpreadBySize(kernel_.modules, 20);
  const auto by_daemon = Copy(spread, "daemon");
  const auto by_fallback = Copy(spread, "fallback");
  ASSERT_EQ(Run(by_daemon).exit_code, 0);
  ASSERT_TRUE(daemon_.Stop().ok());
  std::vector<std::string> arguments = {
      "finalize", "--base",           kernel_.vmlinux_btf, "--profile=7.3",
      "--dedup",  "--distill=always", "--drop-signature"};
  arguments.insert(arguments.end(), by_fallback.begin(), by_fallback.end());
  const ProcessResult result =
      daemon_.Client(arguments, {"BTFD_REQUIRE=", "BTFD_DISABLE=1"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_FALSE(daemon_.Pid().ok()) << "no shared daemon was started";
  EXPECT_TRUE(Contents(by_daemon) == Contents(by_fallback));
}

TEST_F(Finalize, ASignedModuleIsRefusedAndLeftAlone) {
  const auto copies = Copy(SpreadBySize(kernel_.modules, 2), "signed");
  const auto before = Contents(copies);
  const ProcessResult result = Run(copies, {"--profile=7.3"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr(copies[0]));
  EXPECT_THAT(result.err, HasSubstr("sign"));
  EXPECT_THAT(result.err, HasSubstr("--drop-signature"));
  EXPECT_TRUE(Contents(copies) == before);
}

TEST_F(Finalize, OneBadModuleDoesNotStopTheOthers) {
  auto copies = Copy(SpreadBySize(kernel_.modules, 5), "mixed");
  WriteFile(copies[2], "this is no module");
  const ProcessResult result = Run(copies);
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr(copies[2]));
  for (int i : {0, 1, 3, 4}) {
    auto module = ReadModuleInput(copies[i]);
    ASSERT_TRUE(module.ok()) << module.status();
    EXPECT_FALSE(module->distilled_base.empty()) << copies[i];
  }
  EXPECT_EQ(ReadFileOrEmpty(copies[2]), "this is no module");
}

TEST_F(Finalize, OutputGoesElsewhereAndTheInputStays) {
  const auto copies = Copy(SpreadBySize(kernel_.modules, 2), "input");
  const std::string before = ReadFileOrEmpty(copies[0]);
  const std::string output = scratch_.file("output.ko");
  const ProcessResult result = daemon_.Client(
      {"finalize", "--base", kernel_.vmlinux_btf, "--drop-signature",
       "--distill=always", "--output", output, copies[0]});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_TRUE(ReadFileOrEmpty(copies[0]) == before);
  auto module = ReadModuleInput(output);
  ASSERT_TRUE(module.ok()) << module.status();
  EXPECT_FALSE(module->distilled_base.empty());
}

}  // namespace
}  // namespace btfd::tests
