// SPDX-License-Identifier: Apache-2.0
//
// Tests batches with client/testing/fake_btfd.cc, which puts "finalized:"
// before the BTF that it gets: what is written into the modules, also if the
// daemon goes away meanwhile. tests/e2e tests real finalization.
#include "client/batch/batch.h"

#include <signal.h>
#include <stdlib.h>
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
#include "client/testing/testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "lib/elf/testing/elf_builder.h"

namespace btfd::client {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

const char kBtf[] = "\x9f\xeb\x01 of a module";

class BatchTest : public ::testing::Test {
 protected:
  BatchTest() : directory_(testing::FreshDirectory()) {
    setenv("BTFD_RUNTIME_DIR", (directory_ + "/run").c_str(), 1);
    setenv("FAKE_BTFD_LOG", (directory_ + "/log").c_str(), 1);
    environment_.daemon_program =
        std::filesystem::absolute("client/testing/fake_btfd").string();
    setenv("FAKE_BTFD_MODE", "", 1);
    options_.in_flight = 4;
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
      builder.AddSection(".BTF", kBtf);
      paths.push_back(Module(i));
      testing::WriteFile(paths.back(), builder.Build());
    }
    return paths;
  }

  void Run(const std::vector<std::string>& modules, BaseFile* base = nullptr) {
    FinalizeClient client(environment_, util::RuntimePathsOfProcess(),
                          [](const std::string&) {});
    Batch batch(options_, &client, base, [this](const ModuleResult& result) {
      ++reports_;
      results_[result.path] = result;
      if (after_report_) after_report_();
    });
    batch.Run(modules);
  }

  // Expects that each module was reported once, as finalized, and has the
  // result.
  void ExpectAllFinalized(const std::vector<std::string>& modules) {
    EXPECT_EQ(reports_, modules.size());
    for (const std::string& path : modules) {
      ASSERT_TRUE(results_[path].status.ok())
          << path << ": " << results_[path].status;
      auto module = elf::ModuleFile::Open(path);
      ASSERT_TRUE(module.ok()) << module.status();
      ASSERT_TRUE(module->btf().has_value());
      EXPECT_EQ(module->btf()->content, absl::StrCat("finalized:", kBtf));
    }
  }

  std::vector<std::string> Asked() const {
    return absl::StrSplit(testing::ReadFile(directory_ + "/log"), '\n',
                          absl::SkipEmpty());
  }

  const std::string directory_;
  Environment environment_;
  BatchOptions options_;
  std::map<std::string, ModuleResult> results_;
  size_t reports_ = 0;
  std::function<void()> after_report_;
};

TEST_F(BatchTest, OneModuleGoesWithoutAStream) {
  const auto modules = Modules(1);
  Run(modules);
  ExpectAllFinalized(modules);
  EXPECT_THAT(Asked(), ElementsAre("shared Finalize"));
}

TEST_F(BatchTest, ManyModulesGoOverOneStream) {
  const auto modules = Modules(50);
  Run(modules);
  ExpectAllFinalized(modules);
  EXPECT_THAT(Asked(), ElementsAre("shared Finalize", "shared FinalizeStream"));
}

TEST_F(BatchTest, TheBaseIsBroughtIntoPlaceByTheFirst) {
  const auto modules = Modules(5);
  testing::WriteFile(directory_ + "/base", "\x9f\xeb\x01 base");
  auto base = BaseFile::Open(directory_ + "/base", BaseCheck::kKey);
  ASSERT_TRUE(base.ok()) << base.status();
  Run(modules, &*base);
  ExpectAllFinalized(modules);
  EXPECT_THAT(Asked(), ElementsAre("shared Finalize", "shared AddBase 8",
                                   "shared Finalize", "shared FinalizeStream"));
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
    testing::WriteFile(path, "\x9f\xeb\x01 base");
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
      testing::WriteFile(path, "\x9f\xeb\x01 another base");
    };
    unlink((directory_ + "/log").c_str());
    reports_ = 0;
    Run(modules, &*base);
    after_report_ = nullptr;
    ExpectAllFinalized(modules);
    EXPECT_THAT(Asked(), Contains("shared AddBase 8"));
    EXPECT_THAT(Asked(), Not(Contains("shared AddBase 16")));
    EXPECT_THAT(Asked(), Not(Contains("private AddBase 16")));
  }
}

TEST_F(BatchTest, ADaemonThatStopsInTheStreamGivesWayToAPrivateOne) {
  setenv("FAKE_BTFD_MODE", "stop-third", 1);
  const auto modules = Modules(20);
  const absl::Time start = absl::Now();
  Run(modules);
  EXPECT_LT(absl::Now() - start, absl::Seconds(10));
  ExpectAllFinalized(modules);
  EXPECT_THAT(Asked(), Contains("private fallback_timeout 1"));
  EXPECT_THAT(Asked(), Contains("private FinalizeStream"));
}

TEST_F(BatchTest, WithoutAnyDaemonEachModuleFailsWithTheReason) {
  environment_.daemon_program = "/no/btfd";
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
  EXPECT_EQ(out->btf()->content, absl::StrCat("finalized:", kBtf));
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
