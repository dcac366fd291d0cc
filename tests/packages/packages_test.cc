// SPDX-License-Identifier: Apache-2.0
//
// What of the packages can be tried without installing them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "lib/util/version.h"
#include "tests/support/process.h"

namespace btfd::tests {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(Packages, TheChangelogBeginsWithTheVersionOfThePrograms) {
  EXPECT_THAT(ReadFileOrEmpty("tools/debian/changelog"),
              StartsWith(absl::StrCat("btfd (", util::kVersion, ") ")));
}

// The hook, in a root directory with kernels, and with a btfc that says of
// every kernel what a test orders.
class VerifyKernel : public ::testing::Test {
 protected:
  VerifyKernel() {
    fs::create_directories(root_ + "/etc/btfd");
    fs::create_directories(root_ + "/bin");
    Kernel("6.12");
  }
  void Kernel(const std::string& version) {
    fs::create_directories(ModulesOf(version));
    WriteFile(ModulesOf(version) + "/a.ko", "");
  }
  std::string ModulesOf(const std::string& version) const {
    return absl::StrCat(root_, "/lib/modules/", version, "/updates/dkms");
  }
  void Mode(const std::string& mode) {
    WriteFile(root_ + "/etc/btfd/kbuild.conf",
              absl::StrCat("# verify = off\nverify = ", mode, "  # mine\n"));
  }
  void BtfcSays(const std::string& script) {
    const std::string btfc = root_ + "/bin/btfc";
    WriteFile(btfc, absl::StrCat("#!/bin/sh\necho \"$*\" >>", root_,
                                 "/calls\nv=$3\n", script, "\n"));
    fs::permissions(btfc, fs::perms::owner_all);
  }
  ProcessResult Run(const std::string& what) {
    fs::remove(root_ + "/calls");
    return RunProcess({"tools/kbuild/hooks/verify-kernel", what},
                      {{"DPKG_ROOT=" + root_,
                        absl::StrCat("PATH=", root_, "/bin:/usr/bin:/bin")},
                       "",
                       ""});
  }
  std::string Calls() const { return ReadFileOrEmpty(root_ + "/calls"); }
  std::string CallFor(const std::string& version) const {
    return absl::StrCat("verify --kernel ", version, " --root ", root_, "\n");
  }

  const ScratchDir scratch_;
  const std::string root_ = scratch_.path();
};

constexpr char kFit[] = "echo \"Linux $v: 1 of 1 modules fit x\"";
constexpr char kUnfit[] =
    "echo 'btfc: a.ko: bad' >&2; echo \"Linux $v: 0 of 1 modules fit x\"; "
    "exit 1";
constexpr char kNoKernel[] = "echo 'btfc: there is none' >&2; exit 1";

TEST_F(VerifyKernel, IsSilentIfAllModulesFit) {
  BtfcSays(kFit);
  const ProcessResult result = Run("6.12");
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.out + result.err, "");
  EXPECT_EQ(Calls(), CallFor("6.12"));
}

TEST_F(VerifyKernel, WarnsOrFailsAsConfigured) {
  BtfcSays(kUnfit);
  const ProcessResult by_default = Run("6.12");
  EXPECT_EQ(by_default.exit_code, 0);
  EXPECT_THAT(by_default.err, HasSubstr("btfd: btfc: a.ko: bad\n"));
  Mode("fail");
  const ProcessResult fails = Run("6.12");
  EXPECT_EQ(fails.exit_code, 1);
  EXPECT_THAT(fails.err,
              AllOf(HasSubstr("a.ko: bad"), HasSubstr("set verify = warn")));
  Mode("nonsense");
  const ProcessResult nonsense = Run("6.12");
  EXPECT_EQ(nonsense.exit_code, 0);
  EXPECT_THAT(nonsense.err, HasSubstr("verify is warn, fail or off"));
  Mode("off");
  EXPECT_EQ(Run("6.12").err, "");
  EXPECT_EQ(Calls(), "");
}

TEST_F(VerifyKernel, AKernelThatCannotBeCheckedIsNoFailure) {
  Mode("fail");
  for (const char* script : {kNoKernel, "kill -SEGV $$", "exit 2"}) {
    BtfcSays(script);
    const ProcessResult result = Run("6.12");
    EXPECT_EQ(result.exit_code, 0) << script;
    EXPECT_THAT(result.err, HasSubstr("could not be checked")) << script;
  }
  fs::remove(root_ + "/bin/btfc");
  EXPECT_EQ(Run("6.12").exit_code, 0);
}

TEST_F(VerifyKernel, ChecksOnlyWhereDkmsHasInstalledSomething) {
  BtfcSays(kFit);
  Kernel("7.3");
  fs::create_directories(root_ + "/lib/modules/7.2/kernel");
  Run("--changed");
  EXPECT_EQ(Calls(), CallFor("6.12") + CallFor("7.3"));
  Run("--changed");
  EXPECT_EQ(Calls(), "");
  WriteFile(ModulesOf("7.3") + "/b.ko", "");
  fs::last_write_time(
      ModulesOf("7.3") + "/b.ko",
      fs::file_time_type::clock::now() + std::chrono::seconds(2));
  BtfcSays(kUnfit);
  for (int i = 0; i < 2; ++i) {
    Run("--changed");
    EXPECT_EQ(Calls(), CallFor("7.3")) << "until it is mended";
  }
}

TEST_F(VerifyKernel, ForgetsKernelsThatAreGone) {
  BtfcSays(kFit);
  Kernel("7.3");
  Run("--changed");
  EXPECT_TRUE(fs::exists(root_ + "/var/lib/btfd-kbuild/7.3"));
  fs::remove_all(root_ + "/lib/modules/7.3");
  Run("--changed");
  EXPECT_FALSE(fs::exists(root_ + "/var/lib/btfd-kbuild/7.3"));
  EXPECT_TRUE(fs::exists(root_ + "/var/lib/btfd-kbuild/6.12"));
}

}  // namespace
}  // namespace btfd::tests
