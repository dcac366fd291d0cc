// SPDX-License-Identifier: Apache-2.0
//
// `btfc verify --kernel` on a system that is laid out as packages and DKMS lay
// it out, with real modules: which of them it finds, what it says of those that
// do not fit and of whose they are, and how it ends.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "lib/elf/testing/compress.h"
#include "lib/elf/testing/elf_builder.h"
#include "tests/support/json.h"
#include "tests/support/process.h"
#include "tests/support/testdata.h"

namespace btfd::tests {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr char kRelease[] = "7.2.0-test";
constexpr size_t kInTree = 40;

class VerifyKernel : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* series : {"6.12", "7.2"}) {
      auto kernel = FindKernel(series);
      ASSERT_TRUE(kernel.ok()) << kernel.status();
      kernels_.push_back(*kernel);
    }
    Put("/boot/vmlinuz-" + Release(), ReadFileOrEmpty(kernel().vmlinuz()));
    for (const std::string& path : SpreadBySize(kernel().modules, kInTree)) {
      Put("/kernel/" + fs::path(path).filename().string(), "", path);
    }
  }

  static std::string Release() { return kRelease; }
  const Kernel& other_kernel() const { return kernels_[0]; }
  const Kernel& kernel() const { return kernels_[1]; }

  // A file with that content, or a copy of `from`; a path that is none of the
  // system's top is in the kernel's directory.
  std::string Put(const std::string& path, const std::string& content,
                  const std::string& from = "") {
    const bool of_system = absl::StartsWith(path, "/boot/") ||
                           absl::StartsWith(path, "/var/") ||
                           absl::StartsWith(path, "/usr/");
    const std::string whole =
        (of_system ? root_.path() : modules_directory()) + path;
    fs::create_directories(fs::path(whole).parent_path());
    if (from.empty()) {
      WriteFile(whole, content);
    } else {
      fs::copy_file(from, whole);
    }
    return whole;
  }
  std::string modules_directory() const {
    return root_.file("lib/modules/" + Release());
  }

  // That module of `kernel`, with a .BTF.base, as DKMS makes them.
  std::string Distilled(const Kernel& kernel, const std::string& name) {
    const auto found = ModulesNamed(kernel.modules, {name});
    EXPECT_EQ(found.size(), 1u) << name;
    const std::string out = scratch_.file(absl::StrCat(++copies_, ".ko"));
    const ProcessResult result =
        RunProcess({"client/btfc", "finalize", "--base", kernel.vmlinux_btf,
                    "--profile=7.2", "--distill=always", "--drop-signature",
                    "--output", out, found.at(0)},
                   {{"BTFD_DISABLE=1"}, "", ""});
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return ReadFileOrEmpty(out);
  }

  // A module of the other kernel that does not relocate onto this one, by DKMS.
  std::string PutMisfit() {
    Put("/var/lib/dkms/connmark/1.2/" + Release() +
            "/x86_64/module/act_connmark.ko.xz",
        "");
    Put("/var/lib/dpkg/info/connmark-dkms.list",
        "/usr/src/connmark-1.2/dkms.conf\n");
    return Put("/updates/dkms/act_connmark.ko.zst",
               elf::Compress(elf::Compression::kZstd,
                             Distilled(other_kernel(), "act_connmark")));
  }

  ProcessResult Run(const std::vector<std::string>& more = {}) {
    std::vector<std::string> words = {"client/btfc", "verify", "--kernel",
                                      Release(),     "--root", root_.path()};
    words.insert(words.end(), more.begin(), more.end());
    return RunProcess(words, {{"BTFD_RUNTIME_DIR=" + scratch_.file("run"),
                               "BTFD_DAEMON=/no/btfd"},
                              "",
                              ""});
  }

  const ScratchDir root_, scratch_;
  std::vector<Kernel> kernels_;
  int copies_ = 0;
};

TEST_F(VerifyKernel, AWholeKernelFitsItsBootImageWithoutADaemon) {
  const std::string own = Distilled(kernel(), "xt_TEE");
  Put("/updates/dkms/xt_TEE.ko.zst",
      elf::Compress(elf::Compression::kZstd, own));
  const ProcessResult result = Run();
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.err, "");
  const size_t modules = SpreadBySize(kernel().modules, kInTree).size() + 1;
  EXPECT_THAT(result.out,
              StartsWith(absl::StrCat("Linux 7.2.0-test: ", modules, " of ",
                                      modules, " modules fit ", root_.path(),
                                      "/boot/vmlinuz-7.2.0-test (")));
  EXPECT_FALSE(fs::exists(scratch_.file("run")));
}

TEST_F(VerifyKernel, EachModuleThatDoesNotFitIsNamedWithItsOwner) {
  const std::string misfit = PutMisfit();
  // One of an image's package, cut off; one that nobody owns, with a defect
  // that only the kernel's rules know.
  const std::string cut = Put("/kernel/cut.ko.xz",
                              "\xFD"
                              "7zXZ");
  Put("/var/lib/dpkg/info/linux-image.list",
      "/usr/lib/modules/" + Release() + "/kernel/cut.ko.xz\n");
  elf::ElfBuilder elf;
  elf.AddSection(".BTF", std::string("\x9f\xeb\x01\x00\x18", 5));
  const std::string spoilt = Put("/extra/spoilt.ko", elf.Build());
  Put("/extra/plain.ko", elf::ElfBuilder().Build());

  const ProcessResult result = Run();
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err,
              HasSubstr(absl::StrCat(
                  "btfc: ", misfit,
                  " (DKMS connmark 1.2 of package connmark-dkms): .BTF.base: "
                  "type ")));
  EXPECT_THAT(result.err, HasSubstr("(modversion_info) has no match"));
  EXPECT_THAT(result.err, HasSubstr(cut + " (package linux-image): "));
  EXPECT_THAT(result.err, HasSubstr(spoilt + " (no package): "));
  EXPECT_THAT(result.err, Not(HasSubstr("plain.ko")));
  EXPECT_THAT(result.out,
              HasSubstr(", 1 have no BTF, 3 do not fit and would be refused at "
                        "load, or loaded without BTF where"));
}

TEST_F(VerifyKernel, TheConfigurationSaysWhatBecomesOfThem) {
  PutMisfit();
  Put("/boot/config-" + Release(), "CONFIG_DEBUG_INFO_BTF=y\n");
  ProcessResult result = Run();
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.out, HasSubstr("1 do not fit and would be refused at load"
                                    " ("));
  Put("/boot/config-" + Release(),
      "CONFIG_DEBUG_INFO_BTF=y\nCONFIG_MODULE_ALLOW_BTF_MISMATCH=y\n");
  result = Run();
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.out, HasSubstr("would be loaded without BTF ("));
  // Such a kernel reads no BTF.
  Put("/boot/config-" + Release(), "# CONFIG_DEBUG_INFO_BTF is not set\n");
  result = Run();
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out,
            "Linux 7.2.0-test has no BTF, and reads none of its modules\n");
  result = Run({"--json"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(JsonAt(result.out, "summary.checks"), "0");
}

TEST_F(VerifyKernel, JsonNamesEachModuleAndItsOwner) {
  const std::string misfit = PutMisfit();
  const ProcessResult result = Run({"--json"});
  EXPECT_EQ(result.exit_code, 1);
  const std::vector<std::string> lines =
      absl::StrSplit(result.out, '\n', absl::SkipEmpty());
  const size_t modules = SpreadBySize(kernel().modules, kInTree).size() + 1;
  ASSERT_EQ(lines.size(), modules + 1);
  EXPECT_EQ(JsonAt(lines.back(), "summary.modules"), absl::StrCat(modules));
  EXPECT_EQ(JsonAt(lines.back(), "summary.failed"), "1");
  size_t found = 0;
  for (const std::string& line : lines) {
    if (JsonAt(line, "module") != misfit) continue;
    ++found;
    EXPECT_EQ(JsonAt(line, "ok"), "false");
    EXPECT_EQ(JsonAt(line, "distilled"), "true");
    EXPECT_EQ(JsonAt(line, "owner"),
              "DKMS connmark 1.2 of package connmark-dkms");
    EXPECT_THAT(JsonAt(line, "error"), HasSubstr("modversion_info"));
  }
  EXPECT_EQ(found, 1u);
}

TEST_F(VerifyKernel, AnImageWithoutBtfIsPassedOver) {
  const std::string boot =
      Put("/boot/vmlinuz-" + Release(), elf::ElfBuilder().Build());
  ProcessResult result = Run();
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err,
              AllOf(StartsWith("btfc: Linux 7.2.0-test: nothing to hold its "
                               "modules against"),
                    HasSubstr(boot)));
  EXPECT_EQ(result.out, "");
  // The build directory's, by a link that leads to a place of that system.
  Put("/usr/src/linux-headers/vmlinux", ReadFileOrEmpty(kernel().vmlinux_btf));
  fs::create_symlink("/usr/src/linux-headers", modules_directory() + "/build");
  result = Run();
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out,
              HasSubstr(root_.file("usr/src/linux-headers/vmlinux")));
}

TEST_F(VerifyKernel, AWrongCallOrAMissingKernelIsSaidInWords) {
  const auto run = [](const std::vector<std::string>& more) {
    std::vector<std::string> words = {"client/btfc", "verify"};
    words.insert(words.end(), more.begin(), more.end());
    return RunProcess(words);
  };
  EXPECT_EQ(run({"--kernel", "1.0", "x.ko"}).exit_code, 2);
  EXPECT_EQ(run({"--kernel", "1.0", "--against", "x"}).exit_code, 2);
  EXPECT_EQ(run({"--kernel", "../1.0"}).exit_code, 2);
  EXPECT_EQ(run({"--root", "/x", "--against", "x", "x.ko"}).exit_code, 2);
  const ProcessResult result = run({"--kernel", "1.0", "--root", root_.path()});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, AllOf(HasSubstr("there is no kernel 1.0 in "),
                                HasSubstr("it has 7.2.0-test")));
}

}  // namespace
}  // namespace btfd::tests
