// SPDX-License-Identifier: Apache-2.0
//
// Installed kernels in trees that look like those of distributions.
#include <filesystem>
#include <string>
#include <vector>

#include "client/kernel/installed_kernel.h"
#include "client/kernel/module_owner.h"
#include "client/kernel/rooted_path.h"
#include "client/testing/testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace btfd::client {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

class KernelTest : public ::testing::Test {
 protected:
  std::string Put(const std::string& path, const std::string& content = "x") {
    const std::string whole = root_ + path;
    fs::create_directories(fs::path(whole).parent_path());
    testing::WriteFile(whole, content);
    return whole;
  }
  void Link(const std::string& target, const std::string& path) {
    fs::create_directories(fs::path(root_ + path).parent_path());
    fs::create_symlink(target, root_ + path);
  }

  const std::string root_ = testing::FreshDirectory();
};

TEST_F(KernelTest, LinksLeadNowhereOutsideTheRoot) {
  Put("/usr/src/headers/vmlinux");
  Link("/usr/src/headers", "/lib/modules/1.0/build");
  Link("../../../../../../etc/passwd", "/lib/up");
  Link("loop", "/lib/loop");
  EXPECT_EQ(RootedPath(root_, "/lib/modules/1.0/build/vmlinux"),
            root_ + "/usr/src/headers/vmlinux");
  EXPECT_EQ(RootedPath(root_, "/lib/up"), root_ + "/etc/passwd");
  EXPECT_EQ(RootedPath(root_, "/a/../../b"), root_ + "/b");
  EXPECT_EQ(RootedPath(root_, "/lib/loop/x"), root_ + "/lib/loop/x");
  EXPECT_EQ(RootedPath("", "/a/../b"), "/a/../b");
}

TEST_F(KernelTest, AllModulesOfTheKernelAreFoundAndNothingElse) {
  const std::vector<std::string> modules = {
      Put("/usr/lib/modules/1.0/kernel/fs/xfs.ko.xz"),
      Put("/usr/lib/modules/1.0/kernel/net/af_key.ko"),
      Put("/usr/lib/modules/1.0/updates/dkms/zfs.ko.zst")};
  const std::string weak = Put("/usr/lib/modules/0.9/extra/weak.ko.gz");
  Link("usr/lib", "/lib");
  Link("/lib/modules/0.9/extra/weak.ko.gz",
       "/usr/lib/modules/1.0/weak-updates/weak.ko.gz");
  Link("/lib/modules/gone.ko", "/usr/lib/modules/1.0/weak-updates/gone.ko");
  Put("/usr/src/headers/other.ko");
  Link("/usr/src/headers", "/usr/lib/modules/1.0/build");
  Put("/usr/lib/modules/1.0/modules.dep");
  Put("/usr/lib/modules/1.0/kernel/x.ko.txt");
  const auto kernel = FindInstalledKernel(root_, "1.0", "1.0");
  ASSERT_TRUE(kernel.ok()) << kernel.status();
  EXPECT_THAT(kernel->modules,
              ElementsAre(weak, modules[0], modules[1], modules[2]));
  EXPECT_THAT(kernel->images, IsEmpty());
  EXPECT_FALSE(kernel->has_btf.has_value());
}

TEST_F(KernelTest, WhatWillBeBootedComesFirstAndABuildDirectoryLate) {
  Put("/lib/modules/1.0/kernel/a.ko");
  const std::string debug = Put("/usr/lib/debug/boot/vmlinux-1.0");
  const std::string build = Put("/usr/src/headers/vmlinux");
  const std::string boot = Put("/boot/vmlinuz-1.0");
  Put("/boot/vmlinuz-2.0");
  Put("/boot/config-1.0",
      "# CONFIG_DEBUG_INFO_BTF is not set\n"
      "CONFIG_MODULE_ALLOW_BTF_MISMATCH=y\n");
  Link("/usr/src/headers", "/lib/modules/1.0/build");
  const auto kernel = FindInstalledKernel(root_, "1.0", "1.0");
  ASSERT_TRUE(kernel.ok()) << kernel.status();
  EXPECT_THAT(kernel->images, ElementsAre(boot, debug, build));
  EXPECT_EQ(kernel->has_btf, false);
  EXPECT_EQ(kernel->loads_refused, true);
}

TEST_F(KernelTest, OfAMissingKernelIsSaidWhichThereAre) {
  Put("/lib/modules/1.0/kernel/a.ko");
  Put("/lib/modules/2.0/kernel/a.ko");
  const auto kernel = FindInstalledKernel(root_, "3.0", "");
  EXPECT_EQ(kernel.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(kernel.status().message()),
              HasSubstr("there is no kernel 3.0"));
  EXPECT_THAT(std::string(kernel.status().message()),
              HasSubstr("it has 1.0, 2.0"));
}

TEST_F(KernelTest, DpkgAndDkmsNameTheOwners) {
  const std::string in_tree = Put("/usr/lib/modules/1.0/kernel/fs/xfs.ko.xz");
  const std::string built = Put("/usr/lib/modules/1.0/updates/dkms/v4l2-x.ko");
  const std::string own = Put("/usr/lib/modules/1.0/updates/dkms/mine.ko.zst");
  const std::string stray = Put("/usr/lib/modules/1.0/extra/stray.ko");
  Put("/var/lib/dpkg/info/linux-image-1.0:amd64.list",
      "/.\n/lib/modules/1.0/kernel/fs/xfs.ko.xz\n");
  Put("/var/lib/dpkg/info/v4l2x-dkms.list",
      "/usr/src/v4l2x-0.15.0\n/usr/src/v4l2x-0.15.0/dkms.conf\n");
  Put("/var/lib/dpkg/info/other.list", "/usr/bin/stray.ko\n");
  // Two versions were built, and the older one is installed.
  Put("/var/lib/dkms/v4l2x/0.15.0/1.0/x86_64/module/v4l2_x.ko");
  Put("/var/lib/dkms/v4l2x/0.16.0/1.0/x86_64/module/v4l2_x.ko");
  Link("0.15.0/1.0/x86_64", "/var/lib/dkms/v4l2x/kernel-1.0-x86_64");
  Put("/var/lib/dkms/mine/2/1.0/x86_64/module/mine.ko.zst");
  Put("/var/lib/dkms/v4l2x/0.15.0/2.0/x86_64/module/stray.ko");
  EXPECT_THAT(OwnersOf(root_, "1.0", {in_tree, built, own, stray}),
              UnorderedElementsAre(
                  Pair(in_tree, "package linux-image-1.0"),
                  Pair(built, "DKMS v4l2x 0.15.0 of package v4l2x-dkms"),
                  Pair(own, "DKMS mine 2"), Pair(stray, "no package")));
}

TEST_F(KernelTest, WithoutDpkgRpmIsAsked) {
  const std::string module = Put("/lib/modules/1.0/kernel/a.ko");
  const std::string bin = testing::FreshDirectory();
  testing::WriteFile(bin + "/rpm",
                     "#!/bin/sh\n"
                     "test \"$1 $3\" = '--root -qf' || exit 2\n"
                     "for last; do :; done\n"
                     "test \"$last\" = /lib/modules/1.0/kernel/a.ko || exit 1\n"
                     "echo kernel-core-1.0-1\n");
  fs::permissions(bin + "/rpm", fs::perms::owner_all);
  const std::string path = getenv("PATH");
  setenv("PATH", (bin + ":" + path).c_str(), 1);
  const auto owners = OwnersOf(root_, "1.0", {module});
  setenv("PATH", path.c_str(), 1);
  EXPECT_THAT(owners, ElementsAre(Pair(module, "package kernel-core-1.0-1")));
}

TEST(ModuleName, IsThatOfTheFileWithoutItsEndings) {
  EXPECT_EQ(ModuleNameOf("/a/xfs.ko"), "xfs");
  EXPECT_EQ(ModuleNameOf("xfs.ko.zst"), "xfs");
  EXPECT_EQ(ModuleNameOf("/a/.ko"), std::nullopt);
  EXPECT_EQ(ModuleNameOf("/a/vmlinux.xz"), std::nullopt);
}

}  // namespace
}  // namespace btfd::client
