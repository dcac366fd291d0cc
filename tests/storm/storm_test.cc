// SPDX-License-Identifier: Apache-2.0
//
// Builds of many modules, one process for each as in kbuild, while the daemon
// is killed or stopped. No module may fail, and every file must be as
// upstream's tool makes it. If the daemon is stopped, a build may wait for it
// only once.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <future>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "tests/support/peer.h"
#include "tests/support/private_daemon.h"
#include "tests/support/testdata.h"

namespace btfd::tests {
namespace {

namespace fs = std::filesystem;

class Storm : public ::testing::Test {
 protected:
  void SetUp() override {
    auto kernel = FindKernel("6.12");
    ASSERT_TRUE(kernel.ok()) << kernel.status();
    kernel_ = *kernel;
    auto peer = FindPeer("7.2");
    ASSERT_TRUE(peer.ok()) << peer.status();
    peer_ = *peer;
  }

  // Takes the `count` smallest modules, and has upstream's tool finalize each.
  void Choose(size_t count) {
    modules_ = kernel_.modules;
    std::sort(modules_.begin(), modules_.end(),
              [](const auto& a, const auto& b) {
                return fs::file_size(a) < fs::file_size(b);
              });
    modules_.resize(count);
    for (const std::string& path : modules_) {
      expected_.push_back(RunResolveBtfids({peer_}, Arguments(), path));
      ASSERT_EQ(expected_.back().exit_code, 0) << expected_.back().err;
    }
  }

  // Run number i of a build takes module i modulo the number of modules.
  std::string Elf(const std::string& build, int run) const {
    return scratch_.file(absl::StrCat(build, "/", run, ".ko"));
  }

  // Starts `runs` processes, `at_once` of them at a time. They fall back if
  // they must.
  std::future<ProcessResult> StartBuild(const std::string& build, int runs,
                                        int at_once,
                                        std::vector<std::string> environment) {
    fs::create_directory(scratch_.file(build));
    std::vector<std::string> elfs;
    for (int run = 0; run < runs; ++run) {
      elfs.push_back(Elf(build, run));
      fs::create_symlink(modules_[run % modules_.size()], elfs.back());
    }
    std::vector<std::string> argv = {"xargs", "-n1",
                                     absl::StrCat("-P", at_once),
                                     daemon_.programs().resolve_btfids};
    const auto arguments = Arguments();
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    environment.insert(environment.begin(),
                       {"BTFD_REQUIRE=0", "BTFD_PROFILE=7.2"});
    ProcessOptions options;
    options.environment = daemon_.Environment(environment);
    options.input = absl::StrJoin(elfs, "\n");
    return std::async(std::launch::async,
                      [argv, options] { return RunProcess(argv, options); });
  }

  void AwaitModules(const std::string& build, int count) const {
    const auto done = [&] {
      int written = 0;
      for (const auto& entry : fs::directory_iterator(scratch_.file(build))) {
        written += entry.path().extension() == ".BTF";
      }
      return written;
    };
    const absl::Time limit = absl::Now() + absl::Minutes(2);
    while (done() < count) {
      ASSERT_LT(absl::Now(), limit) << "only " << done() << " of " << count;
      absl::SleepFor(absl::Milliseconds(20));
    }
  }

  void ExpectAllRight(const std::string& build, int runs) const {
    size_t files = 0;
    for (int run = 0; run < runs; ++run) {
      const ResolveResult& expected = expected_[run % modules_.size()];
      files += 1 + ExpectFile(Elf(build, run) + ".BTF", expected.btf) +
               ExpectFile(Elf(build, run) + ".BTF.base", expected.btf_base) +
               ExpectFile(Elf(build, run) + ".BTF_ids", expected.btf_ids);
    }
    const fs::directory_iterator all(scratch_.file(build));
    EXPECT_EQ(std::distance(begin(all), end(all)),
              static_cast<ptrdiff_t>(files))
        << "half a file is left";
  }

  static int ExpectFile(const std::string& path,
                        const std::optional<std::string>& expected) {
    EXPECT_EQ(fs::exists(path), expected.has_value()) << path;
    if (!expected.has_value()) return 0;
    EXPECT_TRUE(ReadFileOrEmpty(path) == *expected) << path;
    return 1;
  }

  // Process ids of this test's daemons.
  std::vector<int> Daemons() const {
    const std::string mark =
        absl::StrCat("BTFD_RUNTIME_DIR=", daemon_.runtime_directory());
    std::vector<int> found;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator("/proc")) {
      int pid = 0;
      if (!absl::SimpleAtoi(entry.path().filename().string(), &pid)) continue;
      const fs::path program = fs::read_symlink(entry.path() / "exe", error);
      if (error || program.filename() != "btfd") continue;
      const std::string environment = ReadFileOrEmpty(entry.path() / "environ");
      if (absl::StrContains(environment, mark + '\0')) found.push_back(pid);
    }
    return found;
  }

  std::vector<std::string> Arguments() const {
    return {"--distill_base", "--btf_base", kernel_.vmlinux_btf};
  }

  PrivateDaemon daemon_{Programs::OfRunfiles()};
  ScratchDir scratch_;
  Kernel kernel_;
  std::string peer_;
  std::vector<std::string> modules_;
  std::vector<ResolveResult> expected_;
};

TEST_F(Storm, SixtyFourClientsAtOnceSurviveFiveKillsOfTheDaemon) {
  constexpr int kRuns = 2000;
  constexpr int kKills = 5;
  Choose(200);
  // No daemon runs: the first sixty-four processes start one.
  auto build = StartBuild("build", kRuns, 64, {});
  std::vector<int> killed;
  while (killed.size() < kKills) {
    AwaitModules("build", (killed.size() + 1) * kRuns / (kKills + 2));
    const absl::Time limit = absl::Now() + absl::Minutes(1);
    auto pid = daemon_.Pid();
    while (!pid.ok() && absl::Now() < limit) pid = daemon_.Pid();
    ASSERT_TRUE(pid.ok()) << "no daemon after " << killed.size() << " kills";
    ASSERT_THAT(killed, ::testing::Not(::testing::Contains(*pid)));
    ASSERT_EQ(kill(*pid, SIGKILL), 0);
    killed.push_back(*pid);
    ASSERT_EQ(build.wait_for(std::chrono::seconds(0)),
              std::future_status::timeout)
        << "the build ended before the last kill";
  }
  const ProcessResult result = build.get();
  EXPECT_EQ(result.exit_code, 0) << result.err;
  ExpectAllRight("build", kRuns);

  // One that finds its place taken ends; give the last of them a moment.
  const absl::Time limit = absl::Now() + absl::Seconds(10);
  while (Daemons().size() > 1 && absl::Now() < limit) {
    absl::SleepFor(absl::Milliseconds(20));
  }
  const auto pid = daemon_.Pid();
  ASSERT_TRUE(pid.ok()) << pid.status();
  EXPECT_THAT(Daemons(), ::testing::ElementsAre(*pid));
}

// The yardstick is a build that works without the daemon from its start: what
// that costs a module is in both, and so is whatever else the machine does. A
// wait for each module would be minutes.
TEST_F(Storm, AStoppedDaemonCostsABuildOneWaitAndNotOneAModule) {
  constexpr int kRuns = 200;
  Choose(kRuns);
  ASSERT_TRUE(daemon_.Start().ok());
  const auto pid = daemon_.Pid();
  ASSERT_TRUE(pid.ok()) << pid.status();
  // No result may come from an earlier build's cache.
  const std::string uncached = "BTFD_RESULT_CACHE=0";

  absl::Time start = absl::Now();
  ProcessResult result = StartBuild("normal", kRuns, 2, {uncached}).get();
  const absl::Duration normal = absl::Now() - start;
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.err, "");
  ExpectAllRight("normal", kRuns);

  start = absl::Now();
  result = StartBuild("alone", kRuns, 2, {uncached, "BTFD_DISABLE=1"}).get();
  const absl::Duration without = absl::Now() - start;
  EXPECT_EQ(result.exit_code, 0) << result.err;
  ExpectAllRight("alone", kRuns);

  start = absl::Now();
  auto build = StartBuild("stopped", kRuns, 2, {uncached});
  AwaitModules("stopped", kRuns / 10);
  ASSERT_EQ(kill(*pid, SIGSTOP), 0);
  result = build.get();
  const absl::Duration stopped = absl::Now() - start;
  ASSERT_EQ(kill(*pid, SIGCONT), 0);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_LT(stopped, without + absl::Seconds(10));
  printf("normal %s, without the daemon %s, with a stopped one %s\n",
         absl::FormatDuration(normal).c_str(),
         absl::FormatDuration(without).c_str(),
         absl::FormatDuration(stopped).c_str());
  // Only the process that notices it first says so.
  EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1)
      << result.err;
  EXPECT_THAT(result.err,
              ::testing::HasSubstr("goes on without the shared daemon"));
  ExpectAllRight("stopped", kRuns);
}

}  // namespace
}  // namespace btfd::tests
