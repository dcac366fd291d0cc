// SPDX-License-Identifier: Apache-2.0
//
// A store that can only be read, or whose directory can only be read.
// Permissions do not hold for root, so as root the test runs the programs as
// another user.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/faults/fixture.h"
#include "tests/support/private_daemon.h"
#include "tests/support/process.h"

namespace btfd::tests {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

constexpr char kOther[] = "65534";

class ReadOnlyStore : public DaemonFaults {
 protected:
  void SetUp() override {
    DaemonFaults::SetUp();
    for (const char* directory : {"run", "cache", "config", "cache/btfd"}) {
      fs::create_directory(home_.file(directory));
      fs::permissions(home_.file(directory), fs::perms::owner_all);
    }
    const Programs programs = Programs::OfRunfiles();
    fs::copy_file(programs.btfd, home_.file("btfd"));
    fs::copy_file(programs.btfc, home_.file("btfc"));
    fs::copy_file(base_path_, home_.file("vmlinux.btf"));
    GiveAway();
  }
  ~ReadOnlyStore() override { Btfc({"stop"}); }

  void GiveAway() {
    if (geteuid() != 0) return;
    const ProcessResult result = RunProcess(
        {"chown", "-R", absl::StrCat(kOther, ":", kOther), home_.path()});
    ASSERT_EQ(result.exit_code, 0) << result.err;
  }

  ProcessResult AsUser(std::vector<std::string> argv) const {
    if (geteuid() == 0) {
      argv.insert(argv.begin(), {"setpriv", "--clear-groups",
                                 absl::StrCat("--reuid=", kOther),
                                 absl::StrCat("--regid=", kOther)});
    }
    return RunProcess(argv, {{"BTFD_RUNTIME_DIR=" + home_.file("run"),
                              "XDG_CACHE_HOME=" + home_.file("cache"),
                              "XDG_CONFIG_HOME=" + home_.file("config"),
                              "BTFD_DAEMON=" + home_.file("btfd"),
                              "BTFD_REQUIRE=1", "HOME=" + home_.path()},
                             home_.path(),
                             ""});
  }
  ProcessResult Btfc(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), home_.file("btfc"));
    return AsUser(std::move(arguments));
  }

  void FinalizeTwo(const std::string& where) {
    for (const int module : {0, 1}) {
      const std::string copy = home_.file("copy.ko");
      fs::copy_file(Original(module), copy,
                    fs::copy_options::overwrite_existing);
      GiveAway();
      const ProcessResult result =
          Btfc({"finalize", "--base", home_.file("vmlinux.btf"),
                "--profile=7.2", "--distill=always", "--dedup", copy});
      ASSERT_EQ(result.exit_code, 0) << where << ": " << result.err;
      ASSERT_TRUE(ReadFileOrEmpty(copy) == expected_[module]) << where;
    }
  }
  std::string Log() const {
    return ReadFileOrEmpty(RuntimeFile(home_.file("run"), ".log"));
  }

  const ScratchDir home_{"/tmp"};
  const std::string directory_ = home_.file("cache/btfd");
};

TEST_F(ReadOnlyStore, FileThatCanOnlyBeReadIsSetAside) {
  FinalizeTwo("before");
  ASSERT_EQ(Btfc({"stop"}).exit_code, 0);
  const std::string file = directory_ + "/btfd.sqlite3";
  ASSERT_TRUE(fs::exists(file));
  fs::permissions(file, fs::perms::owner_read);
  FinalizeTwo("read-only");
  EXPECT_THAT(Log(), HasSubstr("store: set aside as " + file + ".aside-"));
  EXPECT_THAT(Log(), HasSubstr("the file can only be read"));
  ASSERT_EQ(Btfc({"stop"}).exit_code, 0);
  FinalizeTwo("after it");
}

TEST_F(ReadOnlyStore, DirectoryThatCanOnlyBeReadIsDoneWithout) {
  FinalizeTwo("before");
  ASSERT_EQ(Btfc({"stop"}).exit_code, 0);
  fs::permissions(directory_, fs::perms::owner_read | fs::perms::owner_exec);
  FinalizeTwo("read-only");
  EXPECT_THAT(Log(), HasSubstr("store: "));
  ASSERT_EQ(Btfc({"stop"}).exit_code, 0);
  fs::permissions(directory_, fs::perms::owner_all);
  FinalizeTwo("after it");
}

TEST_F(ReadOnlyStore, EmptyDirectoryThatCanOnlyBeReadIsDoneWithout) {
  fs::permissions(directory_, fs::perms::owner_read | fs::perms::owner_exec);
  FinalizeTwo("read-only");
  EXPECT_THAT(Log(), HasSubstr("working without a store: store: "));
  fs::permissions(directory_, fs::perms::owner_all);
}

}  // namespace
}  // namespace btfd::tests
