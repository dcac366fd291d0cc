// SPDX-License-Identifier: Apache-2.0
//
// Kills the client at every write-side system call in turn, once before the
// call and once after it. Every file that it was to write must be the old one
// or the whole new one, bit for bit. Any other file that it leaves must have
// the documented temporary name. The same command once more must give what an
// undisturbed run gives. Then the same with a disk that is full from each of
// these calls on.
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "lib/elf/testing/elf_builder.h"
#include "tests/faults/points.h"
#include "tests/faults/tracer.h"
#include "tests/support/module_input.h"
#include "tests/support/private_daemon.h"
#include "tests/support/process.h"
#include "tests/support/testdata.h"

namespace btfd::tests {
namespace {

namespace fs = std::filesystem;

// The number of kills in all tests of this process.
size_t total_kills = 0;

class ClientKill : public ::testing::Test {
 protected:
  // A command, and the files on which it works.
  struct Scenario {
    std::string name;
    std::function<void(const std::string& directory)> prepare;
    // Arguments of btfc. "DIR/" at the beginning of a word stands for the
    // directory.
    std::vector<std::string> arguments;
    std::vector<std::string> environment = {};
    uint64_t at_least = 1;  // write-side calls that there must be
    size_t limit = 150;     // points, unless BTFD_FAULTS=all
  };

  static std::string Module(const Kernel& kernel, const std::string& name) {
    const auto found = ModulesNamed(kernel.modules, {name});
    EXPECT_EQ(found.size(), 1u) << name;
    return found.empty() ? "" : found[0];
  }
  static Kernel MustFind(const std::string& series) {
    auto kernel = FindKernel(series);
    EXPECT_TRUE(kernel.ok()) << kernel.status();
    return kernel.ok() ? *kernel : Kernel();
  }

  std::vector<std::string> Argv(const Scenario& scenario,
                                const std::string& directory) const {
    std::vector<std::string> argv = {daemon_.programs().btfc};
    for (std::string word : scenario.arguments) {
      if (word.rfind("DIR/", 0) == 0) word.replace(0, 3, directory);
      argv.push_back(std::move(word));
    }
    return argv;
  }

  // Prepares the same directory each time, with the same path, so that only the
  // kill differs.
  std::string Prepare(const Scenario& scenario) const {
    const std::string directory = scratch_.file("work");
    fs::remove_all(directory);
    fs::create_directory(directory);
    scenario.prepare(directory);
    return directory;
  }

  void KillEverywhere(const Scenario& scenario) {
    const std::vector<std::string> environment =
        daemon_.Environment(scenario.environment);
    const std::string directory = Prepare(scenario);
    const std::vector<std::string> argv = Argv(scenario, directory);
    const Snapshot old = TakeSnapshot(directory);
    const ProcessResult unharmed = RunProcess(argv, {environment, "", ""});
    ASSERT_EQ(unharmed.exit_code, 0) << unharmed.err;
    const Snapshot fresh = TakeSnapshot(directory);
    ASSERT_FALSE(old == fresh) << "nothing happens here";

    // Dedup of an already deduplicated module may change it.
    ASSERT_EQ(RunProcess(argv, {environment, "", ""}).exit_code, 0);
    const Snapshot again = TakeSnapshot(directory);

    Prepare(scenario);
    const TraceResult counted = RunTraced(argv, {environment, {}});
    ASSERT_EQ(counted.exit_code, 0) << counted.error << counted.output;
    ASSERT_TRUE(TakeSnapshot(directory) == fresh);
    ASSERT_GE(counted.calls, scenario.at_least);

    size_t kills = 0, leftovers = 0;
    for (const KillPoint& point : ChoosePoints(counted.calls, scenario.limit)) {
      Prepare(scenario);
      const TraceResult result = RunTraced(argv, {environment, point});
      ASSERT_EQ(result.error, "");
      kills += result.killed;
      Snapshot found = TakeSnapshot(directory);
      leftovers += RemoveTemporaries(&found);
      const std::string where =
          absl::StrCat(point.side == KillPoint::kBefore ? "before" : "after",
                       " call ", point.call, ", ", result.at);
      ASSERT_EQ(NeitherOldNorNew(found, old, fresh), "") << where;

      const ProcessResult next = RunProcess(argv, {environment, "", ""});
      ASSERT_EQ(next.exit_code, 0) << where << "\n" << next.err;
      found = TakeSnapshot(directory);
      RemoveTemporaries(&found);
      ASSERT_EQ(NeitherOldNorNew(found, fresh, again), "")
          << where << ", then run once more";
    }
    EXPECT_GE(kills, 1u);
    total_kills += kills;
    PrintPoints(scenario.name, counted.calls, kills,
                absl::StrCat(leftovers, " temporary files left"));
    FillTheDisk(scenario, counted.calls, old, fresh);
  }

  // Lets the disk be full from each of the calls on. The client must fail with
  // that error, or succeed because it needed no more room. It must leave
  // nothing behind.
  void FillTheDisk(const Scenario& scenario, uint64_t calls,
                   const Snapshot& old, const Snapshot& fresh) {
    const std::vector<std::string> environment =
        daemon_.Environment(scenario.environment);
    size_t failed = 0;
    for (const KillPoint& point : ChooseFullDisks(calls, scenario.limit / 5)) {
      const std::string directory = Prepare(scenario);
      const TraceResult result =
          RunTraced(Argv(scenario, directory), {environment, point});
      ASSERT_EQ(result.error, "");
      const std::string where =
          absl::StrCat("disk full from call ", point.call, " on, ", result.at,
                       "\n", result.output);
      Snapshot found = TakeSnapshot(directory);
      ASSERT_EQ(RemoveTemporaries(&found), 0u) << where;
      ASSERT_EQ(NeitherOldNorNew(found, old, fresh), "") << where;
      if (result.exit_code == 0) {
        ASSERT_TRUE(found == fresh) << where;
        continue;
      }
      ASSERT_TRUE(result.killed) << where;
      ASSERT_TRUE(absl::StrContains(result.output, "No space left on device"))
          << where;
      ++failed;
    }
    printf("full disk: %s: %zu failures\n", scenario.name.c_str(), failed);
  }

  const Kernel old_kernel_ = MustFind("6.12");
  const Kernel kernel_ = MustFind("7.2");
  PrivateDaemon daemon_{Programs::OfRunfiles()};
  ScratchDir scratch_;
};

TEST_F(ClientKill, DropInOf6xPatchesInPlace) {
  const std::string module = Module(old_kernel_, "nf_conntrack");
  KillEverywhere(
      {"drop-in 6.x",
       [&](const std::string& directory) {
         ASSERT_TRUE(
             WriteModuleWithZeroedIds(module, directory + "/m.ko").ok());
       },
       {"resolve_btfids", "-b", old_kernel_.vmlinux_btf, "DIR/m.ko"},
       {"BTFD_PROFILE=6.x"}});
}

TEST_F(ClientKill, DropInOf72WritesSideFiles) {
  const std::string module = Module(kernel_, "nf_conntrack");
  KillEverywhere({"drop-in 7.2",
                  [&](const std::string& directory) {
                    fs::copy_file(module, directory + "/m.ko");
                  },
                  {"resolve_btfids", "--distill_base", "-b",
                   kernel_.vmlinux_btf, "DIR/m.ko"},
                  {"BTFD_PROFILE=7.2"},
                  9});
}

TEST_F(ClientKill, DropInOf73ReplacesOlderSideFiles) {
  const std::string module = Module(kernel_, "nf_conntrack");
  KillEverywhere({"drop-in 7.3 over older files",
                  [&](const std::string& directory) {
                    fs::copy_file(module, directory + "/m.ko");
                    for (const char* name : {".BTF", ".BTF.base", ".BTF_ids"}) {
                      WriteFile(directory + "/m.ko" + name, "older");
                    }
                  },
                  {"resolve_btfids", "--distill_base", "-b",
                   kernel_.vmlinux_btf, "DIR/m.ko"},
                  {"BTFD_PROFILE=7.3"},
                  9});
}

TEST_F(ClientKill, PatchBtfids) {
  const std::string module = Module(kernel_, "nf_conntrack");
  auto input = ReadModuleInput(module);
  ASSERT_TRUE(input.ok()) << input.status();
  const std::string ids(input->ids->content.size(), 'x');
  KillEverywhere({"drop-in --patch_btfids",
                  [&](const std::string& directory) {
                    fs::copy_file(module, directory + "/m.ko");
                    WriteFile(directory + "/ids", ids);
                  },
                  {"resolve_btfids", "--patch_btfids", "DIR/ids", "DIR/m.ko"}});
}

TEST_F(ClientKill, PatchBtfidsOfManyPages) {
  elf::ElfBuilder module;
  module.AddSection(".text", std::string(100000, 't'));
  module.AddSection(".BTF_ids", std::string(20000, '\0'));
  KillEverywhere({"drop-in --patch_btfids of many pages",
                  [&](const std::string& directory) {
                    WriteFile(directory + "/m.ko", module.Build());
                    WriteFile(directory + "/ids", std::string(20000, 'x'));
                  },
                  {"resolve_btfids", "--patch_btfids", "DIR/ids", "DIR/m.ko"}});
}

// A file too large to be copied is patched in place, with a note beside it. If
// a kill leaves it half patched, the note must be there too. The next command
// on the file, the same or another one, then completes the patch.
TEST_F(ClientKill, PatchBtfidsOfALargeFile) {
  constexpr size_t kIds = 20000;
  elf::ElfBuilder module;
  module.AddSection(".text", std::string(5 << 20, 't'));
  module.AddSection(".BTF_ids", std::string(kIds, '\0'));
  const std::string old = module.Build();
  const std::string ids = std::string(kIds / 2, 'x').append(kIds / 2, 'y');
  std::string fresh = old;
  fresh.replace(fresh.find(std::string(kIds, '\0')), kIds, ids);
  const std::vector<std::string> environment =
      daemon_.Environment({"BTFD_PROFILE=7.2"});
  const std::string directory = scratch_.file("work");
  const std::string file = directory + "/vmlinux";
  const std::vector<std::string> patch = {daemon_.programs().btfc,
                                          "resolve_btfids", "--patch_btfids",
                                          directory + "/ids", file};
  const auto prepare = [&] {
    fs::remove_all(directory);
    fs::create_directory(directory);
    WriteFile(file, old);
    WriteFile(directory + "/ids", ids);
  };
  prepare();
  const TraceResult counted = RunTraced(patch, {environment, {}});
  ASSERT_EQ(counted.exit_code, 0) << counted.error << counted.output;
  ASSERT_TRUE(ReadFileOrEmpty(file) == fresh);
  size_t kills = 0, halves = 0;
  for (uint64_t call = 1; call <= counted.calls; ++call) {
    for (const KillPoint::Side side :
         {KillPoint::kBefore, KillPoint::kHalfway, KillPoint::kAfter}) {
      for (const bool same_command : {true, false}) {
        prepare();
        const TraceResult result =
            RunTraced(patch, {environment, {call, side}});
        ASSERT_EQ(result.error, "");
        const std::string where = absl::StrCat(side, " at ", result.at);
        kills += result.killed;
        const std::string found = ReadFileOrEmpty(file);
        const bool half = found != old && found != fresh;
        halves += half;
        const Snapshot left = TakeSnapshot(directory);
        ASSERT_TRUE(!half || left.size() == 3) << where << ": no note";
        // Another command of ours. It fails, because this is no module with
        // BTF.
        const ProcessResult next =
            same_command
                ? RunProcess(patch, {environment, "", ""})
                : RunProcess({daemon_.programs().btfc, "resolve_btfids", file},
                             {environment, "", ""});
        ASSERT_EQ(next.exit_code, same_command ? 0 : 255) << next.err;
        const std::string now = ReadFileOrEmpty(file);
        ASSERT_TRUE(now == fresh || (!half && now == found)) << where;
        ASSERT_EQ(TakeSnapshot(directory).size(), 2u) << where << ": a note";
      }
    }
  }
  EXPECT_GE(halves, 2u);
  total_kills += kills;
  PrintPoints("drop-in --patch_btfids of a large file", counted.calls, kills,
              absl::StrCat(halves, " found half patched, with a note"));
}

TEST_F(ClientKill, FinalizeWritesTheModule) {
  const std::string module = scratch_.file("unsigned.ko");
  ASSERT_TRUE(
      WriteModuleWithZeroedIds(Module(kernel_, "nf_conntrack"), module).ok());
  const auto copy = [&](const std::string& directory) {
    fs::copy_file(module, directory + "/m.ko");
  };
  const std::vector<std::string> arguments = {
      "finalize",         "--base",  kernel_.vmlinux_btf, "--profile=7.2",
      "--distill=always", "--dedup", "--drop-signature",  "DIR/m.ko"};
  KillEverywhere({"finalize", copy, arguments, {}, 4});

  std::vector<std::string> elsewhere = arguments;
  elsewhere.push_back("--output=" + scratch_.file("work/out.ko"));
  KillEverywhere({"finalize --output", copy, elsewhere, {}, 4});

  KillEverywhere({"finalize, hard-linked",
                  [&](const std::string& directory) {
                    copy(directory);
                    fs::create_hard_link(directory + "/m.ko",
                                         directory + "/cached.ko");
                  },
                  arguments,
                  {},
                  4});

  KillEverywhere({"finalize, through a symbolic link",
                  [&](const std::string& directory) {
                    fs::copy_file(module, directory + "/real.ko");
                    fs::create_symlink("real.ko", directory + "/m.ko");
                  },
                  arguments,
                  {},
                  4});
}

TEST_F(ClientKill, FinalizeDropsASignature) {
  const std::string module = Module(kernel_, "nf_conntrack");
  KillEverywhere({"finalize, signed",
                  [&](const std::string& directory) {
                    fs::copy_file(module, directory + "/m.ko");
                  },
                  {"finalize", "--base", kernel_.vmlinux_btf, "--profile=7.2",
                   "--distill=always", "--drop-signature", "DIR/m.ko"},
                  {},
                  4});
}

TEST_F(ClientKill, FinalizeOfManyModules) {
  const std::vector<std::string> modules = SpreadBySize(kernel_.modules, 25);
  std::vector<std::string> arguments = {
      "finalize",         "--base",  kernel_.vmlinux_btf, "--profile=7.3",
      "--distill=always", "--dedup", "--drop-signature",  "--jobs=4"};
  for (size_t i = 0; i + 3 < modules.size(); ++i) {  // without the largest
    arguments.push_back(absl::StrCat("DIR/", i, ".ko"));
  }
  KillEverywhere({"finalize, a batch",
                  [&](const std::string& directory) {
                    for (size_t i = 0; i + 3 < modules.size(); ++i) {
                      fs::copy_file(modules[i],
                                    absl::StrCat(directory, "/", i, ".ko"));
                    }
                  },
                  arguments,
                  {},
                  60,
                  30});
}

TEST_F(ClientKill, WhileItDoesTheWorkItself) {
  const std::string module = Module(old_kernel_, "af_key");
  KillEverywhere({"drop-in 7.2 without a daemon",
                  [&](const std::string& directory) {
                    fs::copy_file(module, directory + "/m.ko");
                  },
                  {"resolve_btfids", "-b", old_kernel_.vmlinux_btf, "DIR/m.ko"},
                  {"BTFD_PROFILE=7.2", "BTFD_DISABLE=1", "BTFD_REQUIRE=0"},
                  3,
                  20});
}

// Must be last, because tests run in this order.
TEST(ClientKillSum, IsWorthItsName) {
  printf("kill points: %zu of the client in all\n", total_kills);
  EXPECT_GE(total_kills, EveryPoint() ? 600u : 200u);
}

}  // namespace
}  // namespace btfd::tests
