// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

#include "client/dkms/build_directories.h"
#include "client/dkms/selection.h"
#include "client/dkms/tree.h"
#include "client/testing/testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace btfd::client {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::IsEmpty;
using State = BuildDirectory::State;

TEST(DkmsSelection, ALaterWordOverridesAnEarlierOne) {
  EXPECT_TRUE(DkmsSelection("all").Includes("zfs"));
  EXPECT_FALSE(DkmsSelection("none").Includes("zfs"));
  EXPECT_FALSE(DkmsSelection("all -zfs").Includes("zfs"));
  EXPECT_TRUE(DkmsSelection("all -zfs").Includes("zfs2"));
  EXPECT_TRUE(DkmsSelection("-zfs all").Includes("zfs"));
  EXPECT_TRUE(DkmsSelection("acpi-call zfs").Includes("zfs"));
  EXPECT_FALSE(DkmsSelection("acpi-call").Includes("zfs"));
}

TEST(DkmsSelection, IsNoneIfNoWordCanIncludeAPackage) {
  EXPECT_TRUE(DkmsSelection("none").IsNone());
  EXPECT_TRUE(DkmsSelection("").IsNone());
  EXPECT_TRUE(DkmsSelection("all none").IsNone());
  EXPECT_TRUE(DkmsSelection("-zfs").IsNone());
  EXPECT_FALSE(DkmsSelection("all").IsNone());
  EXPECT_FALSE(DkmsSelection("none zfs").IsNone());
}

TEST(DkmsSelection, IncludeUndoesExclude) {
  for (const char* words : {"all", "a zfs", "all -b"}) {
    DkmsSelection selection(words);
    selection.Exclude("zfs");
    EXPECT_FALSE(selection.Includes("zfs")) << words;
    selection.Include("zfs");
    EXPECT_TRUE(selection.Includes("zfs")) << words;
    EXPECT_EQ(selection.ToString(), words);
  }
  DkmsSelection last("zfs");
  last.Exclude("zfs");
  EXPECT_EQ(last.ToString(), "none");
}

TEST(DkmsSelection, ChangesOneValueOfTheConfiguration) {
  const std::string text =
      "# dkms = a comment\n verify=fail\n  dkms =  all -b  # mine\nlast";
  DkmsSelection selection = DkmsSelection::InConfiguration(text);
  EXPECT_EQ(selection.ToString(), "all -b");
  selection.Include("b");
  EXPECT_EQ(selection.PutIntoConfiguration(text),
            "# dkms = a comment\n verify=fail\n  dkms =  all  # mine\nlast");
  selection.Exclude("b");
  EXPECT_EQ(selection.PutIntoConfiguration(text), text);
}

TEST(DkmsSelection, StandsInALineOfItsOwnWhereThereIsNone) {
  EXPECT_EQ(DkmsSelection::InConfiguration("").ToString(), "all");
  EXPECT_EQ(DkmsSelection("none").PutIntoConfiguration(""), "dkms = none\n");
  EXPECT_EQ(DkmsSelection("none").PutIntoConfiguration("verify = off"),
            "verify = off\ndkms = none\n");
  EXPECT_EQ(DkmsSelection("a").PutIntoConfiguration("dkms =\n"), "dkms =a\n");
}

TEST(DkmsSelection, ANameIsNoWordOfAnotherMeaning) {
  EXPECT_TRUE(IsDkmsPackageName("v4l2loopback"));
  EXPECT_TRUE(IsDkmsPackageName("xtables-addons_3.27+x"));
  for (const char* name : {"", "all", "none", "-zfs", "a b", "a#b", "a\nb"}) {
    EXPECT_FALSE(IsDkmsPackageName(name)) << name;
  }
}

// A root directory with kernels as distributions install them.
class DkmsMachine : public ::testing::Test {
 protected:
  DkmsMachine() : root_(testing::FreshDirectory()) {
    fs::create_directories(root_ + "/usr/lib/modules");
    fs::create_directories(root_ + "/usr/src");
    fs::create_directory_symlink("usr/lib", root_ + "/lib");
  }
  // A kernel whose `build` leads to `target`.
  void Kernel(const std::string& release, const std::string& target) {
    fs::create_directory(root_ + "/usr/lib/modules/" + release);
    fs::create_directory_symlink(
        target, root_ + "/usr/lib/modules/" + release + "/build");
  }
  void Makefile(const std::string& directory) {
    fs::create_directories(root_ + directory);
    testing::WriteFile(root_ + directory + "/Makefile", "all:\n");
  }
  std::vector<BuildDirectory> Find() const { return directories().Find(); }
  BuildDirectories directories() const { return {root_, "/usr/lib/btfd"}; }

  const std::string root_;
};

MATCHER_P3(Is, path, release, state, "") {
  return arg.path == path && arg.release == release && arg.state == state;
}

TEST_F(DkmsMachine, FindsDirectoriesByRelativeAndAbsoluteLinks) {
  Makefile("/usr/src/linux-headers-1");
  Makefile("/usr/src/kernels/2");
  Makefile("/usr/lib/modules/3/build");
  Makefile("/home/me/linux");
  Makefile("/usr/src/zfs-2");
  Kernel("1", "../../../src/linux-headers-1");
  Kernel("2", "/usr/src/kernels/2");
  Kernel("4", "/home/me/linux");
  Kernel("5", "/usr/src/gone");
  EXPECT_THAT(Find(),
              ElementsAre(Is("/home/me/linux", "4", State::kOwnTree),
                          Is("/usr/lib/modules/3/build", "3", State::kFree),
                          Is("/usr/src/kernels/2", "2", State::kFree),
                          Is("/usr/src/linux-headers-1", "1", State::kFree)));
}

TEST_F(DkmsMachine, RemovesWhatItPut) {
  Makefile("/usr/src/linux-headers-1");
  Kernel("1", "/usr/src/linux-headers-1");
  ASSERT_TRUE(directories().Put(Find()[0]).ok());
  EXPECT_EQ(testing::ReadFile(root_ + "/usr/src/linux-headers-1/GNUmakefile"),
            directories().Makefile());
  ASSERT_THAT(Find(),
              ElementsAre(Field(&BuildDirectory::state, State::kServed)));
  ASSERT_TRUE(directories().Remove(Find()[0]).ok());
  EXPECT_THAT(Find(), ElementsAre(Field(&BuildDirectory::state, State::kFree)));
  EXPECT_FALSE(fs::exists(root_ + "/usr/src/linux-headers-1/GNUmakefile"));
}

TEST_F(DkmsMachine, TakesAnEditedFileForSomebodyElses) {
  Makefile("/usr/src/linux-headers-1");
  Kernel("1", "/usr/src/linux-headers-1");
  testing::WriteFile(root_ + "/usr/src/linux-headers-1/GNUmakefile",
                     directories().Makefile() + "# mine\n");
  EXPECT_THAT(Find(),
              ElementsAre(Field(&BuildDirectory::state, State::kForeign)));
}

TEST_F(DkmsMachine, ClearsUpAfterHeadersThatAreGone) {
  fs::create_directory(root_ + "/usr/src/linux-headers-1");
  testing::WriteFile(root_ + "/usr/src/linux-headers-1/GNUmakefile",
                     directories().Makefile());
  fs::create_directory(root_ + "/usr/src/linux-headers-2");
  testing::WriteFile(root_ + "/usr/src/linux-headers-2/GNUmakefile", "mine");
  ASSERT_THAT(Find(), ElementsAre(Is("/usr/src/linux-headers-1", "",
                                     State::kLeftOver)));
  ASSERT_TRUE(directories().Remove(Find()[0]).ok());
  EXPECT_FALSE(fs::exists(root_ + "/usr/src/linux-headers-1"));
  EXPECT_TRUE(fs::exists(root_ + "/usr/src/linux-headers-2/GNUmakefile"));
}

TEST_F(DkmsMachine, TellsWhatIsBuiltByItsDirectory) {
  const std::string tree = root_ + "/var/lib/dkms";
  fs::create_directories(tree + "/zfs/2.4/build/module/os");
  EXPECT_EQ(DkmsPackageBuiltIn(tree + "/zfs/2.4/build"), "");
  fs::create_directories(root_ + "/usr/src/zfs-2.4");
  testing::WriteFile(root_ + "/usr/src/zfs-2.4/dkms.conf", "");
  fs::create_directory_symlink(root_ + "/usr/src/zfs-2.4",
                               tree + "/zfs/2.4/source");
  for (const char* inside : {"", "/", "/module/os"}) {
    EXPECT_EQ(DkmsPackageBuiltIn(tree + "/zfs/2.4/build" + inside), "zfs");
  }
  EXPECT_EQ(DkmsPackageBuiltIn(tree + "/zfs/2.4"), "");
  EXPECT_EQ(DkmsPackageBuiltIn("relative/build"), "");
  EXPECT_EQ(DkmsPackageBuiltIn(""), "");
}

TEST_F(DkmsMachine, ListsWhatDkmsHasBuilt) {
  const std::string tree = root_ + "/var/lib/dkms";
  const std::string built = tree + "/zfs/2.4/6.12/x86_64/module";
  fs::create_directories(built);
  fs::create_directory_symlink("/usr/src/zfs-2.4", tree + "/zfs/2.4/source");
  fs::create_directory_symlink("2.4/6.12/x86_64",
                               tree + "/zfs/kernel-6.12-x86_64");
  testing::WriteFile(built + "/zfs.ko.xz", "");
  testing::WriteFile(built + "/notes", "");
  const auto packages = ReadDkmsTree(tree);
  ASSERT_EQ(packages.size(), 1u);
  EXPECT_EQ(packages[0].name, "zfs");
  EXPECT_EQ(packages[0].version, "2.4");
  ASSERT_EQ(packages[0].modules.size(), 1u);
  EXPECT_EQ(packages[0].modules[0].path, built + "/zfs.ko.xz");
  EXPECT_EQ(packages[0].modules[0].kernel, "6.12");
  EXPECT_THAT(ReadDkmsTree(root_ + "/no/such"), IsEmpty());
}

}  // namespace
}  // namespace btfd::client
