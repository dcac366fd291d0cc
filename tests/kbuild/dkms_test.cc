// SPDX-License-Identifier: Apache-2.0
//
// `btfc dkms` on a machine that is made up: real make, a kernel's build
// directory whose Makefile says which tools it would use, and DKMS's tree.
// (Real kernels and real packages: tests/packages/dkms.)
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/support/private_daemon.h"
#include "tests/support/process.h"

namespace btfd::tests {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

void Script(const std::string& path, const std::string& body) {
  WriteFile(path, absl::StrCat("#!/bin/sh\n", body, "\n"));
  fs::permissions(path, fs::perms::owner_all);
}

// Like kbuild's, it calls itself once, and sets both variables.
constexpr char kKernelMakefile[] =
    "PAHOLE = pahole\n"
    "RESOLVE_BTFIDS = ./resolve_btfids\n"
    "ifeq ($(sub_make_done),)\n"
    "export sub_make_done := 1\n"
    "modules: ; @$(MAKE) --no-print-directory -f Makefile modules\n"
    "else\n"
    "modules: ; @echo \"$(RESOLVE_BTFIDS) $(PAHOLE)\"\n"
    "endif\n";
constexpr char kKernelsOwn[] = "./resolve_btfids pahole\n";

class Dkms : public ::testing::Test {
 protected:
  Dkms() {
    fs::create_directories(build_);
    fs::create_directories(root("/usr/lib/modules/6.12"));
    fs::create_directory_symlink("usr/lib", root("/lib"));
    fs::create_directory_symlink("../../../src/linux-headers-6.12",
                                 root("/lib/modules/6.12/build"));
    WriteFile(build_ + "/Makefile", kKernelMakefile);
    fs::create_directories(root("/etc/btfd"));
    fs::copy_file("tools/kbuild/kbuild.conf", root("/etc/btfd/kbuild.conf"));
    for (const char* package : {"zfs", "vpoll"}) {
      fs::create_directories(InTree(package, "build/sub"));
      fs::create_directories(InTree(package, "source"));
      WriteFile(InTree(package, "source/dkms.conf"), "");
    }
    fs::create_directories(library_ + "/dkms");
    fs::copy_file("tools/kbuild/kbuild.mk", library_ + "/kbuild.mk");
    for (const char* name : {"resolve_btfids", "pahole"}) {
      fs::copy_file(absl::StrCat("tools/kbuild/dkms/", name),
                    absl::StrCat(library_, "/dkms/", name));
    }
    // kbuild.mk knows no root but /.
    Script(library_ + "/btfc",
           absl::StrCat("exec ", btfc_, " \"$1\" \"$2\" --root ", root(""),
                        " --library \"$4\" -- \"$6\" \"$7\""));
    // The library is where the real make finds it, so without the root.
    fs::create_directories(root(library_));
    WriteFile(root(library_) + "/kbuild.mk", "");
  }

  std::string root(const std::string& path) const {
    return scratch_.path() + "/root" + path;
  }
  std::string InTree(const std::string& package,
                     const std::string& path) const {
    return absl::StrCat(root("/var/lib/dkms/"), package, "/1.0/", path);
  }
  ProcessResult Btfc(std::vector<std::string> words) const {
    words.insert(words.begin(), {btfc_, "dkms"});
    words.insert(words.end(), {"--root", root(""), "--library", library_});
    return RunProcess(words);
  }
  // What a build of a module in `directory` would use.
  std::string Make(const std::string& directory,
                   const std::vector<std::string>& more = {}) const {
    std::vector<std::string> words = {"make",   "-s",   "--no-print-directory",
                                      "-C",     build_, "M=" + directory,
                                      "modules"};
    words.insert(words.end(), more.begin(), more.end());
    const ProcessResult result = RunProcess(
        words, {{"MAKEFLAGS", "MAKEOVERRIDES", "MAKELEVEL", "PWD=/"}, "/", ""});
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return result.out;
  }
  std::string Ours() const {
    return absl::StrCat(library_, "/dkms/resolve_btfids ", library_,
                        "/dkms/pahole\n");
  }

  const ScratchDir scratch_;
  const std::string btfc_ = Programs::OfRunfiles().btfc;
  const std::string build_ = root("/usr/src/linux-headers-6.12");
  const std::string library_ = scratch_.file("library");
};

TEST_F(Dkms, BuildsOfPackagesGetOurToolsAndOthersDoNot) {
  EXPECT_EQ(Make(InTree("vpoll", "build")), kKernelsOwn);
  EXPECT_EQ(Btfc({"sync"}).exit_code, 0);
  EXPECT_EQ(Make(InTree("vpoll", "build")), Ours());
  EXPECT_EQ(Make(InTree("zfs", "build/sub")), Ours());
  EXPECT_EQ(Make("/home/me/module"), kKernelsOwn);
}

TEST_F(Dkms, TheCommandLineOfMakeCountsMore) {
  ASSERT_EQ(Btfc({"sync"}).exit_code, 0);
  EXPECT_EQ(Make(InTree("zfs", "build"), {"RESOLVE_BTFIDS=/mine"}),
            "/mine pahole\n");
}

TEST_F(Dkms, DisableOfOnePackageIsUndoneByEnable) {
  const std::string file = root("/etc/btfd/kbuild.conf");
  const std::string before = ReadFileOrEmpty(file);
  ASSERT_EQ(Btfc({"sync"}).exit_code, 0);
  EXPECT_EQ(Btfc({"disable", "zfs"}).exit_code, 0);
  EXPECT_THAT(ReadFileOrEmpty(file), HasSubstr("\ndkms = all -zfs\n"));
  EXPECT_EQ(Make(InTree("zfs", "build")), kKernelsOwn);
  EXPECT_EQ(Make(InTree("vpoll", "build")), Ours());
  EXPECT_EQ(Btfc({"enable", "zfs"}).exit_code, 0);
  EXPECT_EQ(ReadFileOrEmpty(file), before);
  EXPECT_EQ(Make(InTree("zfs", "build")), Ours());
}

TEST_F(Dkms, DisableLeavesTheBuildDirectoryAsItWas) {
  ASSERT_EQ(Btfc({"enable"}).exit_code, 0);
  EXPECT_TRUE(fs::exists(build_ + "/GNUmakefile"));
  EXPECT_EQ(Btfc({"disable"}).exit_code, 0);
  EXPECT_FALSE(fs::exists(build_ + "/GNUmakefile"));
  // What a package does when it is removed; the configuration stays.
  ASSERT_EQ(Btfc({"enable"}).exit_code, 0);
  const std::string configuration =
      ReadFileOrEmpty(root("/etc/btfd/kbuild.conf"));
  EXPECT_EQ(Btfc({"sync", "--off"}).exit_code, 0);
  EXPECT_FALSE(fs::exists(build_ + "/GNUmakefile"));
  EXPECT_EQ(ReadFileOrEmpty(root("/etc/btfd/kbuild.conf")), configuration);
}

TEST_F(Dkms, AnEditedFileIsNeitherReplacedNorRemoved) {
  ASSERT_EQ(Btfc({"sync"}).exit_code, 0);
  const std::string edited =
      ReadFileOrEmpty(build_ + "/GNUmakefile") + "CC = ccache gcc\n";
  WriteFile(build_ + "/GNUmakefile", edited);
  for (const char* what : {"sync", "enable", "disable"}) {
    EXPECT_EQ(Btfc({what}).exit_code, 0);
    EXPECT_EQ(ReadFileOrEmpty(build_ + "/GNUmakefile"), edited) << what;
  }
  EXPECT_THAT(Btfc({"status"}).out, HasSubstr("was edited"));
}

TEST_F(Dkms, WithoutBtfdTheBuildIsAsBefore) {
  ASSERT_EQ(Btfc({"sync"}).exit_code, 0);
  Script(library_ + "/btfc", "kill -SEGV $$");
  EXPECT_EQ(Make(InTree("zfs", "build")), kKernelsOwn);
  fs::remove_all(library_);
  EXPECT_EQ(Make(InTree("zfs", "build")), kKernelsOwn);
}

TEST_F(Dkms, NothingIsPutWhereThereIsNothingToInclude) {
  fs::remove(root(library_) + "/kbuild.mk");
  const ProcessResult result = Btfc({"sync"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, AllOf(HasSubstr("kbuild.mk is missing"),
                                HasSubstr("btfd-kbuild")));
  EXPECT_FALSE(fs::exists(build_ + "/GNUmakefile"));
}

TEST_F(Dkms, StatusNamesPackagesKernelsAndTheirBtf) {
  ASSERT_EQ(Btfc({"sync"}).exit_code, 0);
  ASSERT_EQ(Btfc({"disable", "zfs"}).exit_code, 0);
  fs::create_directories(InTree("vpoll", "6.12/x86_64/module"));
  WriteFile(InTree("vpoll", "6.12/x86_64/module/vpoll.ko"), "no ELF");
  const std::string out = Btfc({"status"}).out;
  EXPECT_THAT(out, HasSubstr("dkms = all -zfs\n"));
  EXPECT_THAT(out, HasSubstr("served  /usr/src/linux-headers-6.12 (Linux "
                             "6.12)\n"));
  EXPECT_THAT(out, HasSubstr("on      vpoll 1.0\n          6.12 vpoll.ko: "));
  EXPECT_THAT(out, HasSubstr("off     zfs 1.0\n"));
}

// The two scripts that stand between kbuild and our programs.
class DkmsTools : public Dkms {
 protected:
  DkmsTools() {
    fs::create_directories(own_.substr(0, own_.rfind('/')));
    fs::create_directories(bin_);
    WriteFile(module_, "module");
    // No pahole and no objcopy but those of a test.
    for (const char* tool : {"dirname", "readlink"}) {
      fs::create_symlink(absl::StrCat("/usr/bin/", tool),
                         absl::StrCat(bin_, "/", tool));
    }
  }
  ProcessResult Run(const std::string& tool,
                    const std::vector<std::string>& arguments) {
    std::vector<std::string> words = {absl::StrCat(library_, "/dkms/", tool)};
    words.insert(words.end(), arguments.begin(), arguments.end());
    return RunProcess(words, {{"objtree=" + build_, "OBJCOPY", "BTFD_DISABLE",
                               "PATH=" + bin_},
                              "",
                              ""});
  }

  const std::string own_ = build_ + "/tools/bpf/resolve_btfids/resolve_btfids";
  const std::string bin_ = scratch_.file("bin");
  const std::string module_ = scratch_.file("a.ko");
};

TEST_F(DkmsTools, OursWorksWithoutADaemonAndIsEnough) {
  Script(library_ + "/resolve_btfids", "echo ours $BTFD_DISABLE \"$@\"");
  Script(own_, "echo own");
  EXPECT_EQ(Run("resolve_btfids", {"-b", "vmlinux", module_}).out,
            absl::StrCat("ours 1 -b vmlinux ", module_, "\n"));
}

TEST_F(DkmsTools, TheKernelsOwnStepsInWhenOursFails) {
  Script(library_ + "/resolve_btfids", "kill -SEGV $$");
  Script(own_, "echo own \"$@\"; exit 3");
  const ProcessResult result =
      Run("resolve_btfids", {"-b", "vmlinux", module_});
  EXPECT_EQ(result.out, absl::StrCat("own -b vmlinux ", module_, "\n"));
  EXPECT_EQ(result.exit_code, 3) << "its word is the last one";
  EXPECT_THAT(result.err, HasSubstr("ended with 139"));
}

TEST_F(DkmsTools, WithNeitherTheModuleIsLeftWithoutBtf) {
  Script(library_ + "/resolve_btfids", "exit 1");
  Script(bin_ + "/objcopy", "echo objcopy \"$@\"");
  const ProcessResult older = Run("resolve_btfids", {"-b", "vmlinux", module_});
  EXPECT_EQ(older.exit_code, 0);
  EXPECT_EQ(older.out,
            absl::StrCat("objcopy --remove-section .BTF --remove-section "
                         ".BTF.base ",
                         module_, "\n"));
  const ProcessResult newer =
      Run("resolve_btfids", {"--btf", module_ + ".BTF.1", module_});
  EXPECT_EQ(newer.exit_code, 0);
  EXPECT_EQ(newer.out, "");
  EXPECT_TRUE(fs::exists(module_ + ".BTF"));
  EXPECT_THAT(newer.err, EndsWith("a.ko is left without BTF\n"));
}

TEST_F(DkmsTools, TheRealPaholeStepsInWhenOursFails) {
  Script(library_ + "/pahole", "exit 7");
  EXPECT_EQ(Run("pahole", {"-J", module_}).exit_code, 0) << "none there";
  EXPECT_EQ(Run("pahole", {"--version"}).exit_code, 7);
  Script(bin_ + "/pahole", "echo real \"$@\"");
  EXPECT_EQ(Run("pahole", {"-J", module_}).out,
            absl::StrCat("real -J ", module_, "\n"));
  Script(library_ + "/pahole", "echo ours \"$@\"");
  EXPECT_THAT(Run("pahole", {"-J", module_}).out,
              AllOf(HasSubstr("ours -J"), Not(HasSubstr("real"))));
}

}  // namespace
}  // namespace btfd::tests
