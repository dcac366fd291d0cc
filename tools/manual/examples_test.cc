// SPDX-License-Identifier: Apache-2.0
//
// Runs the examples of all pages, in their order, with the real programs on
// real modules of Debian's kernels and on small files. Each page begins in a
// new directory with a daemon of its own.
#include <sys/utsname.h>

#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "client/manual/pages.h"
#include "daemon/startup/pages.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/core/objects.h"
#include "tests/support/private_daemon.h"
#include "tests/support/process.h"
#include "tests/support/testdata.h"

namespace btfd {
namespace {

namespace fs = std::filesystem;
using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::Not;
using tests::ProcessResult;
using tests::RunProcess;
using tests::WriteFile;

constexpr char kHello[] = R"(
struct greeting { int times; const char *words; };
int greet(struct greeting *greeting);
int greet(struct greeting *greeting) { return greeting->times; }
static int never_called(int a) { return a; }
int main_of_module(void) { return never_called(1); }
)";

// Asserts that the programs that a build would call are there.
constexpr char kMake[] = R"(#!/bin/sh
for word; do
  case $word in
    RESOLVE_BTFIDS=* | PAHOLE=*) command -v "${word#*=}" || exit 2 ;;
  esac
done
)";

std::vector<const manual::Page*> PagesWithExamples() {
  std::vector<const manual::Page*> pages = client::CommandPages();
  pages.push_back(&client::BtfcPage());
  pages.push_back(&daemon::BtfdPage());
  return pages;
}

class Examples : public ::testing::TestWithParam<const manual::Page*> {
 protected:
  void SetUp() override {
    const auto old = tests::FindKernel("7.2");
    const auto young = tests::FindKernel("7.3");
    ASSERT_TRUE(old.ok()) << old.status();
    ASSERT_TRUE(young.ok()) << young.status();
    utsname name;
    ASSERT_EQ(uname(&name), 0);
    release_ = name.release;
    for (const std::string& directory :
         {std::string("bin"), std::string("boot"), std::string("drivers/net"),
          std::string("root/etc/btfd"), std::string("root/usr/lib/btfd"),
          BuildDirectory()}) {
      fs::create_directories(At(directory));
    }
    Link(old->vmlinux, "vmlinux");
    Link(old->vmlinuz(), "vmlinuz-7.2");
    Link(young->vmlinuz(), "vmlinuz-7.3");
    // Not a link, which would lead out of the root of `verify --kernel`.
    Copy(old->vmlinuz(), "boot/vmlinuz-" + release_);
    for (const char* module : {"dummy", "ifb", "eql"}) {
      Copy(absl::StrCat(old->directory, "/modules/drivers/net/", module, ".ko"),
           absl::StrCat("drivers/net/", module, ".ko"));
    }
    // One with ids and kfuncs.
    Copy(old->directory + "/modules/net/ipv4/tcp_bbr.ko", "vpoll.ko");
    Copy(At("drivers/net/ifb.ko"),
         absl::StrCat("lib/modules/", release_, "/ifb.ko"));
    WriteFile(At("modules.order"), "drivers/net/dummy.o\ndrivers/net/ifb.o\n");
    WriteFile(At("btfd.conf.new"), "threads = 2\n");
    WriteFile(At("root/usr/lib/btfd/kbuild.mk"), "");
    Copy(tests::BpfObject("execsnoop"), "execsnoop.bpf.o");
    PutPrograms();
    Compile();
    // Modules as a build has them, which are not signed yet; and one that fits
    // other kernels, too.
    for (const char* modules :
         {"drivers/net/*.ko", "--dedup --distill=always vpoll.ko"}) {
      const ProcessResult result = RunLine(absl::StrCat(
          "btfc finalize --base vmlinux --drop-signature ", modules));
      EXPECT_EQ(result.exit_code, 0) << result.err;
    }
  }

  std::string At(const std::string& name) const {
    return directory_.file(name);
  }
  std::string BuildDirectory() const {
    return absl::StrCat("lib/modules/", release_, "/build");
  }
  void Link(const std::string& from, const std::string& name) {
    fs::create_symlink(fs::absolute(from), At(name));
  }
  void Copy(const std::string& from, const std::string& name) {
    fs::copy_file(from, At(name), fs::copy_options::overwrite_existing);
    fs::permissions(At(name), fs::perms::owner_read | fs::perms::owner_write);
  }

  // The programs that the examples call.
  void PutPrograms() {
    Link(daemon_.programs().btfd, "bin/btfd");
    Link(daemon_.programs().btfc, "bin/btfc");
    Link(daemon_.programs().btfc, "bin/pahole");
    Link(daemon_.programs().resolve_btfids, "bin/resolve_btfids");
    WriteFile(At("bin/make"), kMake);
    fs::permissions(At("bin/make"), fs::perms::owner_all);
  }

  // A module with DWARF.
  void Compile() {
    WriteFile(At("hello.c"), kHello);
    const ProcessResult gcc = RunProcess(
        {"gcc", "-g", "-O1", "-c", At("hello.c"), "-o", At("hello.ko")});
    ASSERT_EQ(gcc.exit_code, 0) << gcc.err;
  }

  ProcessResult RunLine(const std::string& line) {
    tests::ProcessOptions options;
    options.environment = daemon_.Environment(
        {absl::StrCat("PATH=", At("bin"), ":/usr/sbin:/usr/bin:/sbin:/bin"),
         absl::StrCat("HOME=", directory_.path()), "BTFD_PROFILE",
         "BTFD_PAHOLE_VERSION=1.32", "BTFD_ENCODER=native"});
    options.directory = directory_.path();
    return RunProcess({"sh", "-ec", line}, options);
  }

  const tests::PrivateDaemon daemon_{tests::Programs::OfRunfiles()};
  const tests::ScratchDir directory_;
  std::string release_;
};

INSTANTIATE_TEST_SUITE_P(
    OfPage, Examples, ::testing::ValuesIn(PagesWithExamples()),
    [](const auto& info) {
      return absl::StrReplaceAll(info.param->file, {{"-", "_"}});
    });

TEST_P(Examples, Work) {
  const std::string here = directory_.path();
  for (const manual::Example& example : GetParam()->examples) {
    // What a test may neither read nor write, nor wait for.
    const std::string line = absl::StrReplaceAll(
        example.line,
        {{"/boot/", here + "/boot/"},
         {"/lib/modules/", here + "/lib/modules/"},
         {"--kernel ", absl::StrCat("--root ", here, " --kernel ")},
         {"btfc dkms", absl::StrCat("btfc dkms --root ", here,
                                    "/root --library /usr/lib/btfd")},
         {"btfd --foreground", "timeout --preserve-status 1 btfd --foreground"},
         {":9464", ":0"}});
    const ProcessResult result = RunLine(line);
    if (example.exit_code == manual::kDepends) {
      EXPECT_THAT(result.exit_code, AnyOf(0, 1)) << line << "\n" << result.err;
      EXPECT_FALSE(result.out.empty()) << line;
    } else {
      EXPECT_EQ(result.exit_code, example.exit_code)
          << line << "\n"
          << result.out << result.err;
    }
    EXPECT_THAT(result.err, Not(HasSubstr("--help"))) << line;
  }
}

}  // namespace
}  // namespace btfd
