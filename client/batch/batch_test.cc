// SPDX-License-Identifier: Apache-2.0
//
// Batches against client/testing/fake_btfd.cc, which answers with "finalized:"
// before the BTF it got: what ends up in the modules, and what of it when the
// daemon goes away in between and the engine in this process does the rest.
// Real finalization is judged in tests/e2e.
#include "client/batch/batch.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "client/local/local_engine.h"
#include "client/testing/testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "lib/btf/testing/builder.h"
#include "lib/elf/testing/elf_builder.h"

namespace btfd::client {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

// Not sorted by name, so that sorting changes it.
std::string ModuleBtf() {
  btf::testing::BtfBuilder builder;
  builder.Int("int", 4);
  builder.Int("char", 1);
  return builder.Build();
}

std::string BaseBtf(int types) {
  btf::testing::BtfBuilder builder;
  for (int i = 0; i < types; ++i) builder.Int(absl::StrCat("t", i), 4);
  return builder.Build();
}

class BatchTest : public ::testing::Test {
 protected:
  BatchTest() : directory_(testing::FreshDirectory()) {
    setenv("BTFD_RUNTIME_DIR", (directory_ + "/run").c_str(), 1);
    setenv("FAKE_BTFD_LOG", (directory_ + "/log").c_str(), 1);
    environment_.daemon_program =
        std::filesystem::absolute("client/testing/fake_btfd").string();
    setenv("FAKE_BTFD_MODE", "", 1);
    options_.in_flight = 4;
    options_.steps.set_sort(true);
    options_.steps.set_new_header_size(24);
    v1::FinalizeRequest request;
    request.set_btf(btf_);
    *request.mutable_steps() = options_.steps;
    sorted_ = LocalEngine().Finalize(request, nullptr)->btf();
    EXPECT_NE(sorted_, btf_);
  }
  ~BatchTest() override { std::filesystem::remove_all(directory_); }

  std::string Module(int number) const {
    return absl::StrCat(directory_, "/", number, ".ko");
  }

  std::vector<std::string> Modules(int count) {
    std::vector<std::string> paths;
    for (int i = 0; i < count; ++i) {
      elf::ElfBuilder builder;
      builder.AddSection(".text", "some code");
      builder.AddSection(".BTF", btf_);
      paths.push_back(Module(i));
      testing::WriteFile(paths.back(), builder.Build());
    }
    return paths;
  }

  void Run(const std::vector<std::string>& modules, BaseFile* base = nullptr) {
    FinalizeClient client(environment_, util::RuntimePathsOfProcess(),
                          [this](const std::string&) { ++said_; });
    Batch batch(options_, &client, base, [this](const ModuleResult& result) {
      ++reports_;
      results_[result.path] = result;
      if (after_report_) after_report_();
    });
    batch.Run(modules);
  }

  // Each module reported once, as finalized, and holding the result: of the
  // daemon, or of the engine in this process. Of how many the latter is true.
  size_t ExpectAllFinalized(const std::vector<std::string>& modules) {
    EXPECT_EQ(reports_, modules.size());
    size_t here = 0;
    for (const std::string& path : modules) {
      EXPECT_TRUE(results_[path].status.ok())
          << path << ": " << results_[path].status;
      auto module = elf::ModuleFile::Open(path);
      EXPECT_TRUE(module.ok()) << module.status();
      const bool by_daemon = module->btf()->content == "finalized:" + btf_;
      EXPECT_TRUE(by_daemon || module->btf()->content == sorted_) << path;
      if (!by_daemon) ++here;
    }
    return here;
  }

  std::vector<std::string> Asked() const {
    return absl::StrSplit(testing::ReadFile(directory_ + "/log"), '\n',
                          absl::SkipEmpty());
  }

  const std::string directory_;
  const std::string btf_ = ModuleBtf();
  std::string sorted_;
  Environment environment_;
  BatchOptions options_;
  int said_ = 0;
  std::map<std::string, ModuleResult> results_;
  size_t reports_ = 0;
  std::function<void()> after_report_;
};

TEST_F(BatchTest, OneModuleGoesWithoutAStream) {
  const auto modules = Modules(1);
  Run(modules);
  ExpectAllFinalized(modules);
  EXPECT_THAT(Asked(), ElementsAre("Finalize"));
}

TEST_F(BatchTest, ManyModulesGoOverOneStream) {
  const auto modules = Modules(50);
  Run(modules);
  ExpectAllFinalized(modules);
  EXPECT_THAT(Asked(), ElementsAre("Finalize", "FinalizeStream"));
}

TEST_F(BatchTest, TheBaseIsBroughtIntoPlaceByTheFirst) {
  const auto modules = Modules(5);
  testing::WriteFile(directory_ + "/base", "\x9f\xeb\x01 base");
  auto base = BaseFile::Open(directory_ + "/base", BaseCheck::kKey);
  ASSERT_TRUE(base.ok()) << base.status();
  Run(modules, &*base);
  ExpectAllFinalized(modules);
  EXPECT_THAT(Asked(), ElementsAre("Finalize", "AddBase 8", "Finalize",
                                   "FinalizeStream"));
}

TEST_F(BatchTest, ABadModuleIsNamedAndTheOthersGoOn) {
  auto modules = Modules(6);
  testing::WriteFile(modules[0], "no ELF file");
  testing::WriteFile(modules[3], "no ELF file");
  modules.push_back(directory_ + "/missing.ko");
  Run(modules);
  EXPECT_EQ(reports_, 7u);
  for (const int bad : {0, 3, 6}) {
    EXPECT_FALSE(results_[modules[bad]].status.ok());
    EXPECT_THAT(std::string(results_[modules[bad]].status.message()),
                HasSubstr(modules[bad]));
  }
  for (const int good : {1, 2, 4, 5}) {
    EXPECT_TRUE(results_[modules[good]].status.ok());
  }
  EXPECT_EQ(testing::ReadFile(modules[3]), "no ELF file");
}

TEST_F(BatchTest, ADaemonThatDiesInTheStreamLosesNoModule) {
  setenv("FAKE_BTFD_MODE", "die-third", 1);
  const auto modules = Modules(20);
  Run(modules);
  ExpectAllFinalized(modules);
}

TEST_F(BatchTest, ABatchIsOverOneBaseWhateverBecomesOfItsFile) {
  setenv("FAKE_BTFD_MODE", "die-third", 1);
  const std::string path = directory_ + "/base";
  for (const bool written_over : {false, true}) {
    SCOPED_TRACE(written_over);
    unlink(path.c_str());
    testing::WriteFile(path, BaseBtf(1));
    absl::SleepFor(kSettled + absl::Milliseconds(50));
    // After this the daemon knows the base by its key.
    auto first = BaseFile::Open(path, BaseCheck::kKey);
    ASSERT_TRUE(first.ok() && first->key().has_value());
    auto modules = Modules(20);
    Run({modules.back()}, &*first);
    modules.pop_back();
    auto base = BaseFile::Open(path, BaseCheck::kKey);
    ASSERT_TRUE(base.ok()) << base.status();
    // With the first answer the file becomes another base. Soon afterwards the
    // daemon dies, and the next daemon asks for the base.
    bool is_first = true;
    after_report_ = [&] {
      if (!std::exchange(is_first, false)) return;
      if (!written_over) unlink(path.c_str());
      testing::WriteFile(path, BaseBtf(2));
    };
    unlink((directory_ + "/log").c_str());
    reports_ = 0;
    Run(modules, &*base);
    after_report_ = nullptr;
    ExpectAllFinalized(modules);
    const auto sent = [](int types) {
      return absl::StrCat("AddBase ", BaseBtf(types).size());
    };
    EXPECT_THAT(Asked(), Contains(sent(1)));
    EXPECT_THAT(Asked(), Not(Contains(sent(2))));
  }
}

TEST_F(BatchTest, ADaemonThatStopsInTheStreamIsDoneWithout) {
  setenv("FAKE_BTFD_MODE", "stop-third", 1);
  const auto modules = Modules(20);
  const absl::Time start = absl::Now();
  Run(modules);
  EXPECT_LT(absl::Now() - start, absl::Seconds(10));
  // One alone, two in the stream.
  EXPECT_EQ(ExpectAllFinalized(modules), 17u);
  EXPECT_EQ(said_, 1);
}

TEST_F(BatchTest, WithoutAnyDaemonAllIsDoneHere) {
  environment_.daemon_program = "/no/btfd";
  const auto modules = Modules(50);
  Run(modules);
  EXPECT_EQ(ExpectAllFinalized(modules), 50u);
  EXPECT_EQ(said_, 1);
}

TEST_F(BatchTest, WithoutThreadsAllIsDoneHereAsWell) {
  environment_.disable_daemon = true;
  const auto modules = Modules(50);
  const pid_t child = fork();
  if (child == 0) {
    // Less than the stack of a thread.
    const rlimit little = {uint64_t{64} << 20, uint64_t{64} << 20};
    setrlimit(RLIMIT_AS, &little);
    Run(modules);
    _exit(reports_ == modules.size() && said_ == 0 ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  reports_ = modules.size();
  for (const std::string& path : modules) results_[path].status = {};
  EXPECT_EQ(ExpectAllFinalized(modules), 50u);
}

TEST_F(BatchTest, WhereADaemonHasToBeEachModuleFailsWithTheReason) {
  environment_.daemon_program = "/no/btfd";
  environment_.require_daemon = true;
  const auto modules = Modules(3);
  Run(modules);
  EXPECT_EQ(reports_, 3u);
  for (const std::string& path : modules) {
    EXPECT_THAT(std::string(results_[path].status.message()),
                HasSubstr("/no/btfd is no program"));
  }
}

TEST_F(BatchTest, ASignedModuleIsRefusedUnlessItsSignatureMayGo) {
  const auto modules = Modules(1);
  // PKCS#7 of 8 bytes, then struct module_signature, then the marker.
  const std::string signature = std::string("signed!!") +
                                std::string("\0\0\2\0\0\0\0\0\0\0\0\10", 12) +
                                "~Module signature appended~\n";
  const std::string plain = testing::ReadFile(modules[0]);
  testing::WriteFile(modules[0], plain + signature);
  Run(modules);
  EXPECT_EQ(results_[modules[0]].status.code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(results_[modules[0]].status.message()),
              HasSubstr("finalize before signing, or give --drop-signature"));
  EXPECT_EQ(testing::ReadFile(modules[0]), plain + signature);

  reports_ = 0;
  options_.drop_signature = true;
  Run(modules);
  ExpectAllFinalized(modules);
}

TEST_F(BatchTest, ACompressedModuleIsToldFromOtherFiles) {
  testing::WriteFile(directory_ + "/m.ko.xz", std::string("\xfd"
                                                          "7zXZ\0",
                                                          6));
  Run({directory_ + "/m.ko.xz"});
  EXPECT_THAT(
      std::string(results_[directory_ + "/m.ko.xz"].status.message()),
      HasSubstr("not an ELF file; it is compressed with xz: unpack it first"));
}

TEST_F(BatchTest, AnOutputOfItsOwnLeavesTheModuleAlone) {
  const auto modules = Modules(1);
  const std::string before = testing::ReadFile(modules[0]);
  options_.output = directory_ + "/out.ko";
  Run(modules);
  EXPECT_EQ(testing::ReadFile(modules[0]), before);
  auto out = elf::ModuleFile::Open(options_.output);
  ASSERT_TRUE(out.ok()) << out.status();
  EXPECT_EQ(out->btf()->content, "finalized:" + btf_);
}

TEST_F(BatchTest, TheBtfMayComeFromElsewhere) {
  const auto modules = Modules(1);
  testing::WriteFile(directory_ + "/detached", "\x9f\xeb\x01 detached");
  options_.btf = directory_ + "/detached";
  Run(modules);
  auto module = elf::ModuleFile::Open(modules[0]);
  ASSERT_TRUE(module.ok()) << module.status();
  EXPECT_EQ(module->btf()->content, "finalized:\x9f\xeb\x01 detached");
}

}  // namespace
}  // namespace btfd::client
