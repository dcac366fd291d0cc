// SPDX-License-Identifier: Apache-2.0
#include "client/commands/build_tree.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "client/commands/doctor_fix.h"
#include "client/commands/same_kernel.h"
#include "client/testing/testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "lib/btf/testing/builder.h"

namespace btfd::client {

// GoogleTest calls it to print a finding.
void PrintTo(const Finding& finding, std::ostream* out) {
  *out << static_cast<int>(finding.grade) << " " << finding.what << " -> "
       << finding.advice;
}

namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Field;
using testing::FreshDirectory;
using ::testing::HasSubstr;
using testing::ReadFile;
using testing::TestData;
using testing::WriteFile;
using Grade = Finding::Grade;

MATCHER_P3(Is, grade, what, advice, "") {
  return arg.grade == grade && arg.what.find(what) != std::string::npos &&
         (std::string(advice).empty()
              ? arg.advice.empty()
              : arg.advice.find(advice) != std::string::npos);
}

// A machine with one build directory, that of Debian's 6.12, whose kernel runs.
// Nothing is wrong with it.
class Doctor : public ::testing::Test {
 protected:
  void SetUp() override {
    release_ = ReadFile(TestData("kernels/6.12/release"));
    release_.erase(release_.find_last_not_of('\n') + 1);
    machine_.root = FreshDirectory();
    machine_.running_release = release_;
    tree_ = machine_.root + "/build";
    for (const char* directory :
         {"/build", "/build/include", "/build/include/config", "/build/tools",
          "/build/tools/bpf", "/build/tools/bpf/resolve_btfids", "/boot",
          "/sys", "/sys/kernel", "/sys/kernel/btf"}) {
      ASSERT_EQ(mkdir((machine_.root + directory).c_str(), 0755), 0);
    }
    WriteFile(tree_ + "/Makefile", "");
    WriteFile(tree_ + "/include/config/kernel.release", release_ + "\n");
    Configure("CONFIG_DEBUG_INFO_BTF_MODULES=y\nCONFIG_PAHOLE_VERSION=130\n");
    Program("build/tools/bpf/resolve_btfids/resolve_btfids", "");
    InstallPahole("v1.30");
    Link("kernels/6.12/vmlinux", "build/vmlinux");
  }

  void Configure(const std::string& lines) {
    WriteFile(tree_ + "/include/config/auto.conf", lines);
  }
  void Program(const std::string& name, const std::string& script) {
    const std::string path = machine_.root + "/" + name;
    WriteFile(path, "#!/bin/sh\n" + script);
    ASSERT_EQ(chmod(path.c_str(), 0755), 0);
  }
  void InstallPahole(const std::string& version) {
    Program("pahole", "echo " + version);
    machine_.pahole = {machine_.root + "/pahole"};
  }
  void Link(const std::string& data, const std::string& name) {
    const std::string path = machine_.root + "/" + name;
    unlink(path.c_str());
    ASSERT_EQ(symlink(TestData(data).c_str(), path.c_str()), 0);
  }
  std::vector<Finding> Examine() { return ExamineBuildTree(machine_, tree_); }

  Machine machine_;
  std::string release_;
  std::string tree_;
};

TEST_F(Doctor, FindsAWholeTreeGood) {
  EXPECT_THAT(
      Examine(),
      AllOf(Each(Field(&Finding::grade, Grade::kGood)),
            Contains(Is(Grade::kGood, "builds modules for Linux 6.12", "")),
            Contains(Is(Grade::kGood, "vmlinux is of the same kernel", "")),
            Contains(Is(Grade::kGood,
                        "pahole is 1.30, and this tree asks for 1.30", ""))));
}

TEST_F(Doctor, SaysWhereNoBuildDirectoryIs) {
  EXPECT_THAT(ExamineBuildTree(machine_, "/no/such"),
              ElementsAre(Is(Grade::kBad, "/no/such is no kernel build",
                             "package linux-headers-6.12")));
}

TEST_F(Doctor, SaysThatATreeIsNotPrepared) {
  unlink((tree_ + "/include/config/auto.conf").c_str());
  EXPECT_THAT(Examine(), ElementsAre(Is(Grade::kBad, "is not prepared",
                                        "modules_prepare")));
}

TEST_F(Doctor, SaysThatTheKernelMakesNoBtfForModules) {
  Configure("CONFIG_PAHOLE_VERSION=130\n");
  EXPECT_THAT(Examine(), Contains(Is(Grade::kBad,
                                     "CONFIG_DEBUG_INFO_BTF_MODULES", "take")));
}

TEST_F(Doctor, TakesAMissingVmlinuxFromTheRunningKernel) {
  unlink((tree_ + "/vmlinux").c_str());
  Link("kernels/6.12/vmlinux.btf", "sys/kernel/btf/vmlinux");
  EXPECT_THAT(
      Examine(),
      Contains(
          Is(Grade::kBad,
             "kbuild will say \"Skipping BTF generation for ... due to "
             "unavailability of vmlinux\"",
             absl::StrCat("btfc extract-base ", machine_.root,
                          "/sys/kernel/btf/vmlinux -o ", tree_, "/vmlinux"))));
}

TEST_F(Doctor, TakesAMissingVmlinuxOfAnotherKernelFromItsBootImage) {
  unlink((tree_ + "/vmlinux").c_str());
  machine_.running_release = "6.1.0-generic";
  Link("kernels/6.12/vmlinux.btf", "sys/kernel/btf/vmlinux");
  Link("kernels/6.12/vmlinuz", "boot/vmlinuz-" + release_);
  EXPECT_THAT(Examine(),
              Contains(Is(Grade::kBad, "unavailability",
                          absl::StrCat("btfc extract-base ", machine_.root,
                                       "/boot/vmlinuz-", release_, " -o "))));
}

TEST_F(Doctor, SaysWhatToGetWhereNoImageIs) {
  unlink((tree_ + "/vmlinux").c_str());
  EXPECT_THAT(Examine(), Contains(Is(Grade::kBad, "unavailability",
                                     "get the vmlinuz of Linux " + release_)));
}

TEST_F(Doctor, SaysThatVmlinuxHasNoBtf) {
  unlink((tree_ + "/vmlinux").c_str());
  WriteFile(tree_ + "/vmlinux", "nothing");
  EXPECT_THAT(Examine(),
              Contains(Is(Grade::kBad, "the vmlinux there is of no use",
                          "get the vmlinuz")));
}

TEST_F(Doctor, SaysThatVmlinuxIsOfAnotherKernel) {
  Link("kernels/7.2/vmlinux", "build/vmlinux");
  EXPECT_THAT(Examine(), Contains(Is(Grade::kBad, "vmlinux is of Linux 7.2",
                                     "get the vmlinuz")));
}

TEST_F(Doctor, ComparesABareBtfWithTheBootImage) {
  Link("kernels/6.12/vmlinux.btf", "build/vmlinux");
  Link("kernels/6.12/vmlinuz", "boot/vmlinuz-" + release_);
  EXPECT_THAT(Examine(),
              Contains(Is(Grade::kGood, "vmlinux has the same BTF as ", "")));
  Link("kernels/7.2/vmlinux.btf", "build/vmlinux");
  EXPECT_THAT(Examine(), Contains(Is(Grade::kBad, "vmlinux has another BTF",
                                     "btfc extract-base")));
}

TEST_F(Doctor, AdmitsThatABareBtfCannotBePlaced) {
  Link("kernels/6.12/vmlinux.btf", "build/vmlinux");
  EXPECT_THAT(Examine(), Contains(Is(Grade::kNote, "cannot be told", "")));
}

TEST_F(Doctor, ComparesABareBtfWithTheSymbolsOfTheHeaders) {
  Link("headers/6.12/build/Module.symvers", "build/Module.symvers");
  Link("kernels/6.12/vmlinux.btf", "build/vmlinux");
  EXPECT_THAT(Examine(),
              Contains(Is(Grade::kGood,
                          "vmlinux fits the headers, as far as Module.symvers "
                          "tells: of 5087 symbols",
                          "")));
  Link("kernels/7.2/vmlinux.btf", "build/vmlinux");
  EXPECT_THAT(Examine(),
              Contains(Is(Grade::kBad,
                          "vmlinux is of another kernel than the headers: 90 "
                          "functions that Module.symvers has in modules",
                          "get the vmlinuz")));
}

// The same release, but with a driver built in.
TEST_F(Doctor, TellsAnotherFlavourByWhatIsBuiltIn) {
  for (const size_t built_in : {kChanceNames, kChanceNames + 1}) {
    btf::testing::BtfBuilder vmlinux;
    std::string symvers = "0x1\tkmalloc\tvmlinux\tEXPORT_SYMBOL\t\n";
    const btf::TypeId proto = vmlinux.Proto(0);
    vmlinux.Func("kmalloc", proto);
    for (size_t i = 0; i < 100; ++i) {
      const std::string name = absl::StrCat("nvme_call_", i);
      if (i < built_in) vmlinux.Func(name, proto);
      absl::StrAppend(&symvers, "0x1\t", name,
                      "\tdrivers/nvme/nvme\tEXPORT_SYMBOL_GPL\t\n");
    }
    unlink((tree_ + "/vmlinux").c_str());
    WriteFile(tree_ + "/vmlinux", vmlinux.Build());
    WriteFile(tree_ + "/Module.symvers", symvers);
    if (built_in > kChanceNames) {
      EXPECT_THAT(Examine(),
                  Contains(Is(Grade::kBad, "(nvme_call_0, nvme_call_1, ...)",
                              "get the vmlinuz")));
    } else {
      EXPECT_THAT(Examine(), Contains(Is(Grade::kGood, "of 100 symbols", "")));
    }
  }
}

TEST_F(Doctor, SaysThatNoPaholeIsNeeded) {
  machine_.pahole = {"/no/such/pahole"};
  EXPECT_THAT(Examine(),
              Contains(Is(Grade::kNote, "none is needed: /no/such/pahole",
                          "make PAHOLE=")));
}

TEST_F(Doctor, SaysThatPaholeIsTooOldForTheTree) {
  InstallPahole("v1.24");
  EXPECT_THAT(Examine(), Contains(Is(Grade::kBad,
                                     "pahole is 1.24, but this tree is "
                                     "configured for 1.30",
                                     "install pahole 1.30 or newer")));
}

TEST_F(Doctor, SaysThatWhatCallsItselfPaholeIsNone) {
  InstallPahole("");
  EXPECT_THAT(Examine(),
              Contains(Is(Grade::kBad, "gives no version", "BTFD_PAHOLE")));
}

TEST_F(Doctor, NotesThatAnOldPaholeDistillsNothing) {
  Configure("CONFIG_DEBUG_INFO_BTF_MODULES=y\nCONFIG_PAHOLE_VERSION=124\n");
  InstallPahole("v1.30");
  EXPECT_THAT(Examine(), Contains(Is(Grade::kNote, ".BTF.base",
                                     "btfc finalize --profile 6.12")));
}

TEST_F(Doctor, NotesThatTheTreeHasNoTool) {
  unlink((tree_ + "/tools/bpf/resolve_btfids/resolve_btfids").c_str());
  EXPECT_THAT(Examine(), Contains(Is(Grade::kNote, "no resolve_btfids",
                                     "make RESOLVE_BTFIDS=")));
}

// A tree without vmlinux, whose headers name the build that the boot image has.
class DoctorFix : public Doctor {
 protected:
  void SetUp() override {
    Doctor::SetUp();
    unlink((tree_ + "/vmlinux").c_str());
    machine_.running_release = "6.1.0-generic";
    Link("kernels/6.12/vmlinuz", "boot/vmlinuz-" + release_);
    ASSERT_EQ(mkdir((tree_ + "/include/generated").c_str(), 0755), 0);
    SayBuild("#1 SMP PREEMPT_DYNAMIC Debian 6.12.95-1~bpo12+1 (2026-07-05)");
  }
  void SayBuild(const std::string& build) {
    WriteFile(tree_ + "/include/generated/utsversion.h",
              "#define UTS_VERSION \"" + build + "\"\n");
  }
  // What --fix says.
  std::string Apply() {
    ::testing::internal::CaptureStdout();
    Fixer(machine_, tree_).Apply(Examine());
    return ::testing::internal::GetCapturedStdout();
  }
};

TEST_F(DoctorFix, TakesTheVmlinuxOfTheSameBuild) {
  const std::string said = Apply();
  EXPECT_THAT(said,
              AllOf(HasSubstr("  done  wrote " + tree_ + "/vmlinux, 57573156 "),
                    HasSubstr("boot/vmlinuz-" + release_),
                    HasSubstr("of the same build as the headers")));
  EXPECT_TRUE(ReadFile(tree_ + "/vmlinux") ==
              ReadFile(TestData("kernels/6.12/vmlinux")));
  EXPECT_THAT(Examine(), Each(Field(&Finding::grade, Grade::kGood)));
  EXPECT_EQ(Apply(), "") << "there is nothing left to do";
}

TEST_F(DoctorFix, TakesWhatTheRunningKernelShowsIfItIsOfThatBuild) {
  unlink((machine_.root + "/boot/vmlinuz-" + release_).c_str());
  Link("kernels/6.12/vmlinux.btf", "sys/kernel/btf/vmlinux");
  machine_.running_release = release_;
  machine_.running_build = "#1 SMP PREEMPT_DYNAMIC Debian 6.12.95-2";
  EXPECT_THAT(Apply(), AllOf(HasSubstr("  left  there is no "),
                             HasSubstr("it is of another build")));
  EXPECT_NE(access((tree_ + "/vmlinux").c_str(), F_OK), 0);
  machine_.running_build =
      "#1 SMP PREEMPT_DYNAMIC Debian 6.12.95-1~bpo12+1 (2026-07-05)";
  EXPECT_THAT(Apply(), HasSubstr("  done  wrote "));
  EXPECT_TRUE(ReadFile(tree_ + "/vmlinux") ==
              ReadFile(TestData("kernels/6.12/vmlinux.btf")));
}

TEST_F(DoctorFix, TakesNothingThatIsNotCertain) {
  const auto expect_left = [this](const std::string& why) {
    EXPECT_THAT(Apply(), AllOf(HasSubstr("  left  there is no " + tree_),
                               HasSubstr("-> not done: "), HasSubstr(why)));
    EXPECT_NE(access((tree_ + "/vmlinux").c_str(), F_OK), 0);
  };
  SayBuild("#1 SMP PREEMPT_DYNAMIC Debian 6.12.95-2 (2026-08-05)");
  expect_left("it is of another build of that release than the headers");
  unlink((tree_ + "/include/generated/utsversion.h").c_str());
  expect_left("the headers do not say of which build");
  SayBuild("#1 SMP PREEMPT_DYNAMIC Debian 6.12.95-1~bpo12+1 (2026-07-05)");
  std::string symvers;
  for (const char* name :
       {"kmalloc_array_noprof", "vfs_read", "vfs_write", "schedule", "kfree",
        "vfree", "iput", "dput", "path_put", "fput", "iget_locked", "d_alloc",
        "mutex_lock", "mutex_unlock", "ksize", "vmalloc_noprof"}) {
    absl::StrAppend(&symvers, "0x1\t", name, "\tdrivers/x\tEXPORT_SYMBOL\t\n");
  }
  WriteFile(tree_ + "/Module.symvers", symvers);
  expect_left(
      "functions that Module.symvers has in modules are built in there");
  unlink((tree_ + "/Module.symvers").c_str());
  Link("kernels/7.2/vmlinuz", "boot/vmlinuz-" + release_);
  expect_left("it is of Linux 7.2");
  unlink((machine_.root + "/boot/vmlinuz-" + release_).c_str());
  expect_left("no image of Linux " + release_ + " is here");
}

TEST_F(DoctorFix, LeavesWhatIsNotItsOwnToChange) {
  Link("kernels/7.2/vmlinux", "build/vmlinux");
  InstallPahole("");
  const std::string said = Apply();
  EXPECT_THAT(said, AllOf(HasSubstr("  left  vmlinux is of Linux 7.2"),
                          HasSubstr("it replaces and removes no file"),
                          HasSubstr("it changes no settings"),
                          ::testing::Not(HasSubstr("done  "))));
}

TEST_F(DoctorFix, AFileIsMadeWholeAndNoLinkIsFollowed) {
  const std::string outside = FreshDirectory() + "/outside";
  ASSERT_EQ(symlink(outside.c_str(), (tree_ + "/vmlinux").c_str()), 0);
  EXPECT_THAT(Apply(), HasSubstr("-> not done: " + tree_ +
                                 "/vmlinux: cannot make it: File exists"));
  EXPECT_NE(access(outside.c_str(), F_OK), 0);
  unlink((tree_ + "/vmlinux").c_str());
  EXPECT_TRUE(WriteNewFile(tree_ + "/vmlinux", "whole").ok());
  EXPECT_EQ(ReadFile(tree_ + "/vmlinux"), "whole");
  EXPECT_TRUE(absl::IsAlreadyExists(WriteNewFile(tree_ + "/vmlinux", "other")));
  EXPECT_EQ(ReadFile(tree_ + "/vmlinux"), "whole");
  size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(tree_)) {
    files += entry.path().filename().string().find("vmlinux") == 0;
  }
  EXPECT_EQ(files, 1u);
}

TEST(PaholeVersion, CountsAsTheKernelsConfigurationDoes) {
  EXPECT_EQ(ParsePaholeVersion("v1.24\n"), 124);
  EXPECT_EQ(ParsePaholeVersion("1.9"), 109);
  for (const char* text : {"", "v", "pahole", "v1", "v1.-3", "v1.30.2"}) {
    EXPECT_EQ(ParsePaholeVersion(text), 0) << text;
  }
}

}  // namespace
}  // namespace btfd::client
