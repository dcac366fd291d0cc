// SPDX-License-Identifier: Apache-2.0
//
// Kills the daemon at every write-side system call in turn, once before the
// call and once after it, while clients use it. No client may fail, and every
// file must be right. SQLite's check must find the store sound without a
// repair. The next daemon must work with that store and give the right bytes.
// Then the same with a disk that is full from each of these calls on.
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/faults/fixture.h"
#include "tests/faults/integrity.h"
#include "tests/faults/points.h"
#include "tests/faults/tracer.h"
#include "tests/support/private_daemon.h"
#include "tests/support/process.h"
#include "tests/support/testdata.h"

namespace btfd::tests {
namespace {

namespace fs = std::filesystem;

// The number of kills in all tests of this process.
size_t total_kills = 0;

class DaemonKill : public DaemonFaults {
 protected:
  struct Scenario {
    std::string name;
    // Options of the daemon, NAME=VALUE without BTFD_.
    std::vector<std::string> options = {};
    // The numbers of the modules whose results are in the store before.
    std::vector<int> before = {};
    // The modules that are finalized while the daemon is traced.
    std::vector<int> modules = {0};
    // What else is done while the daemon runs.
    std::function<void(pid_t daemon)> then = {};
    // A counter that must not be 0 before the daemon is stopped; may be empty.
    std::string counter = {};
    // True: `btfc stop` ends the daemon. False: it ends by itself.
    bool stop = true;
    // Changes the store before each run.
    std::function<void(const std::string& database)> spoil = {};
    uint64_t at_least = 1;  // write-side calls that there must be
    size_t limit = 24;      // points, unless BTFD_FAULTS=all
  };

  // One run with a traced daemon.
  TraceResult Run(const Scenario& scenario, const PrivateDaemon& daemon,
                  const KillPoint& point, const std::string& where) const {
    std::vector<std::string> environment = daemon.Environment();
    for (const std::string& option : scenario.options) {
      environment.push_back("BTFD_" + option);
    }
    TracedProcess traced(
        {daemon.programs().btfd, "--foreground",
         "--log_file=" + daemon.runtime_directory() + "/traced.log"},
        {environment, point});
    while (traced.running() &&
           RuntimeFile(daemon.runtime_directory(), ".sock").empty()) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    // If the daemon dies, the next client starts another one, or uses a private
    // one.
    FinalizeAll(daemon, scenario.modules, {"BTFD_REQUIRE=0"}, where);
    if (scenario.then && traced.running()) scenario.then(traced.pid());
    // Makes the daemon write what is pending and evict what is too much.
    if (!scenario.counter.empty()) daemon.Client({"cache", "stats"});
    if (point.call == 0 && !scenario.counter.empty()) {
      EXPECT_GT(Count(daemon, scenario.counter), 0u) << "nothing to kill";
    }
    if (scenario.stop) daemon.Client({"stop"});
    TraceResult result = traced.Wait();
    daemon.Client({"stop"});  // the daemon that was started instead
    return result;
  }

  void ExpectSoundStore(const PrivateDaemon& daemon, const Scenario& scenario,
                        const std::string& where) const {
    const std::string directory = daemon.store_directory();
    const std::string verdict = CheckIntegrity(directory + "/btfd.sqlite3");
    if (!scenario.spoil) {
      ASSERT_TRUE(verdict == "ok" || verdict.empty())
          << where << ": " << verdict;
    }
    // No database was set aside, and all names are documented ones.
    Snapshot files;
    if (fs::exists(directory)) files = TakeSnapshot(directory);
    for (const auto& [name, content] : files) {
      const bool known =
          name == "btfd.sqlite3" || name == "btfd.sqlite3-wal" ||
          name == "btfd.sqlite3-shm" || name == "btfd.sqlite3-journal" ||
          name == "btfd.sqlite3.lock" ||
          (scenario.spoil && absl::StartsWith(name, "btfd.sqlite3.aside-"));
      ASSERT_TRUE(known) << where << ": " << name;
    }
    // The next daemon must find nothing to repair.
    FinalizeAll(daemon, scenario.modules, {}, where + ", the next daemon");
    if (::testing::Test::HasFatalFailure()) return;
    for (const char* counter : {"store_errors", "store_checksum_failures"}) {
      ASSERT_EQ(Count(daemon, counter), 0u) << where << ": " << counter;
    }
    daemon.Client({"stop"});
    ASSERT_EQ(CheckIntegrity(directory + "/btfd.sqlite3"), "ok") << where;
  }

  void KillEverywhere(const Scenario& scenario) {
    // A copy of the store as it is before each run.
    const std::string seed = scratch_.file("seed");
    fs::remove_all(seed);
    if (!scenario.before.empty()) {
      PrivateDaemon daemon(Programs::OfRunfiles());
      FinalizeAll(daemon, scenario.before, {}, "before");
      ASSERT_TRUE(daemon.Stop().ok());
      fs::copy(daemon.store_directory(), seed, fs::copy_options::recursive);
    }
    const auto run = [&](const KillPoint& point, const std::string& where) {
      PrivateDaemon daemon(Programs::OfRunfiles());
      if (fs::exists(seed)) {
        fs::create_directories(
            fs::path(daemon.store_directory()).parent_path());
        fs::copy(seed, daemon.store_directory(), fs::copy_options::recursive);
        if (scenario.spoil) {
          scenario.spoil(daemon.store_directory() + "/btfd.sqlite3");
        }
      }
      TraceResult result = Run(scenario, daemon, point, where);
      if (!HasFatalFailure()) ExpectSoundStore(daemon, scenario, where);
      return result;
    };
    const TraceResult counted = run({}, "unharmed");
    ASSERT_FALSE(HasFatalFailure());
    ASSERT_EQ(counted.error, "");
    ASSERT_EQ(counted.exit_code, 0) << counted.output;
    ASSERT_GE(counted.calls, scenario.at_least);

    size_t kills = 0;
    for (const KillPoint& point : ChoosePoints(counted.calls, scenario.limit)) {
      const std::string where =
          absl::StrCat(scenario.name, ", killed ",
                       point.side == KillPoint::kBefore ? "before" : "after",
                       " call ", point.call);
      const TraceResult result = run(point, where);
      ASSERT_FALSE(HasFatalFailure()) << "the call: " << result.at;
      ASSERT_EQ(result.error, "") << where;
      kills += result.killed;
    }
    EXPECT_GE(kills, 1u);
    total_kills += kills;
    PrintPoints(scenario.name, counted.calls, kills);

    size_t full = 0;
    for (const KillPoint& point :
         ChooseFullDisks(counted.calls, scenario.limit / 4)) {
      const std::string where = absl::StrCat(
          scenario.name, ", disk full from call ", point.call, " on");
      const TraceResult result = run(point, where);
      ASSERT_FALSE(HasFatalFailure()) << "the call: " << result.at;
      ASSERT_EQ(result.error, "") << where;
      full += result.killed;
    }
    printf("full disk: %s: %zu times\n", scenario.name.c_str(), full);
  }
};

// Kills while it writes the schema, the first base, the index, the file key,
// the first result, and while it ends.
TEST_F(DaemonKill, WhileItMakesItsStore) {
  Scenario scenario;
  scenario.name = "daemon, a new store";
  scenario.at_least = 30;
  scenario.limit = 40;
  KillEverywhere(scenario);
}

TEST_F(DaemonKill, WhileItStoresResults) {
  Scenario scenario;
  scenario.name = "daemon, more results";
  scenario.before = {0};
  scenario.modules = {1, 2, 3, 0};
  scenario.at_least = 5;
  KillEverywhere(scenario);
}

TEST_F(DaemonKill, WhileItEvicts) {
  Scenario scenario;
  scenario.name = "daemon, eviction";
  scenario.options = {"MAX_RESULT_BYTES=8K"};
  scenario.before = {0, 1, 2, 3, 4, 5, 6, 7};
  scenario.modules = {8, 9, 10, 11};
  scenario.counter = "store_results_evicted";
  scenario.at_least = 5;
  KillEverywhere(scenario);
}

TEST_F(DaemonKill, WhileItEndsByItself) {
  Scenario scenario;
  scenario.name = "daemon, idle exit";
  scenario.options = {"IDLE_EXIT=1s"};
  scenario.before = {0};
  scenario.modules = {1};
  scenario.stop = false;
  scenario.limit = 12;
  KillEverywhere(scenario);
}

TEST_F(DaemonKill, WhileItReopensItsLog) {
  Scenario scenario;
  scenario.name = "daemon, log reopened";
  scenario.before = {0};
  scenario.modules = {0};
  scenario.then = [](pid_t daemon) {
    for (int i = 0; i < 3; ++i) {
      kill(daemon, SIGHUP);
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  };
  scenario.limit = 12;
  KillEverywhere(scenario);
}

TEST_F(DaemonKill, WhileItSetsADamagedStoreAside) {
  Scenario scenario;
  scenario.name = "daemon, a damaged store";
  scenario.before = {0, 1};
  scenario.modules = {0, 1};
  scenario.spoil = [](const std::string& database) {
    WriteFile(database, std::string(50000, 'x'));
  };
  scenario.at_least = 20;
  KillEverywhere(scenario);
}

// A base of a real kernel takes some thousand pages of the store.
TEST_F(DaemonKill, WhileItStoresTheBaseOfARealKernel) {
  auto kernel = FindKernel("6.12");
  ASSERT_TRUE(kernel.ok()) << kernel.status();
  const auto modules = ModulesNamed(kernel->modules, {"af_key"});
  ASSERT_EQ(modules.size(), 1u);
  fs::copy_file(modules[0], Original(0), fs::copy_options::overwrite_existing);
  fs::copy_file(kernel->vmlinux_btf, base_path_,
                fs::copy_options::overwrite_existing);
  PrivateDaemon daemon(Programs::OfRunfiles());
  const ProcessResult result = daemon.Client(
      {"finalize", "--base", base_path_, "--profile=7.2", "--distill=always",
       "--dedup", "--drop-signature", Original(0)});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  // A module that was finalized once is the same after the second time, so what
  // each run makes can be compared with the first result.
  Scenario scenario;
  scenario.name = "daemon, a base of 4.7 MB";
  ASSERT_EQ(Finalize(daemon, 0, {}).exit_code, 0);
  expected_[0] = ReadFileOrEmpty(Copy());
  scenario.at_least = 1000;
  scenario.limit = 16;
  KillEverywhere(scenario);
}

// Must be last, because tests run in this order.
TEST(DaemonKillSum, IsWorthItsName) {
  printf("kill points: %zu of the daemon in all\n", total_kills);
  EXPECT_GE(total_kills, EveryPoint() ? 1500u : 120u);
}

}  // namespace
}  // namespace btfd::tests
