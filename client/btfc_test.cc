// SPDX-License-Identifier: Apache-2.0
//
// Tests the program as it is called: its commands, names and exit codes.
#include <elf.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "client/manual/pages.h"
#include "client/testing/testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "lib/elf/testing/elf_builder.h"
#include "lib/manual/help_text.h"
#include "tests/support/json.h"

namespace btfd::client {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class BtfcTest : public ::testing::Test {
 protected:
  BtfcTest()
      : directory_(testing::FreshDirectory()),
        btfc_(std::filesystem::absolute("client/btfc").string()) {}
  ~BtfcTest() override { std::filesystem::remove_all(directory_); }

  // Runs it where no daemon can be reached.
  testing::RunResult Run(const std::vector<std::string>& arguments,
                         const std::string& program = "") {
    return testing::Run(program.empty() ? btfc_ : program, arguments,
                        {{"BTFD_RUNTIME_DIR", directory_ + "/run"},
                         {"BTFD_DAEMON", "/no/btfd"}});
  }

  const std::string directory_;
  const std::string btfc_;
};

#ifndef __SANITIZE_ADDRESS__  // its library cannot be linked statically
class StaticTest : public ::testing::TestWithParam<const char*> {};

TEST_P(StaticTest, IsLinkedStatically) {
  const std::string program = testing::ReadFile(GetParam());
  Elf64_Ehdr header;
  ASSERT_GE(program.size(), sizeof(header));
  std::memcpy(&header, program.data(), sizeof(header));
  for (int i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr segment;
    std::memcpy(&segment,
                program.data() + header.e_phoff + i * header.e_phentsize,
                sizeof(segment));
    EXPECT_NE(segment.p_type, static_cast<Elf64_Word>(PT_INTERP));
  }
}

INSTANTIATE_TEST_SUITE_P(Each, StaticTest,
                         ::testing::Values("client/btfc",
                                           "client/resolve_btfids"));

// The work of gRPC before main() would take as long as a module.
TEST(ResolveBtfids, IsAProgramOfItsOwnWithoutGrpc) {
  const auto has = [](const std::string& program, const char* name) {
    return testing::ReadFile(program).find(name) != std::string::npos;
  };
  EXPECT_TRUE(has("client/resolve_btfids", "DirectConnection"));
  EXPECT_FALSE(has("client/resolve_btfids", "grpc_core"));
  EXPECT_TRUE(has("client/btfc", "grpc_core"));
}
#endif

TEST_F(BtfcTest, SaysWhichItIsAndWhatItCan) {
  EXPECT_THAT(Run({"--version"}).out, StartsWith("btfc "));
  const testing::RunResult help = Run({"--help"});
  EXPECT_EQ(help.exit_code, 0);
  EXPECT_GE(CommandPages().size(), 19u);
  for (const manual::Page* page : CommandPages()) {
    const std::string command =
        page->program.substr(page->program.find(' ') + 1);
    EXPECT_THAT(help.out, HasSubstr("  " + command + " "));
    if (command == "resolve_btfids") continue;
    const testing::RunResult own = Run({command, "--help"});
    EXPECT_EQ(own.exit_code, 0) << command << own.err;
    EXPECT_EQ(own.out, manual::HelpText(*page));
    EXPECT_THAT(own.out, HasSubstr(std::string("usage: btfc ") + command));
    EXPECT_THAT(own.out, HasSubstr("Exit status:"));
  }
}

// The kernel's parser has a table of its own, since its grammar is another.
TEST_F(BtfcTest, ResolveBtfidsTakesTheOptionsOfItsPage) {
  const testing::RunResult listed = Run({"resolve_btfids", "--list-opts"});
  for (const manual::Option& option : ResolveBtfidsPage().options) {
    if (option.name == "version") continue;
    EXPECT_THAT(listed.out, HasSubstr("--" + option.name + " "));
  }
  EXPECT_EQ(std::count(listed.out.begin(), listed.out.end(), ' '),
            static_cast<long>(ResolveBtfidsPage().options.size()) - 1);
  EXPECT_EQ(Run({"resolve_btfids", "-h"}).err,
            manual::HelpText(ResolveBtfidsPage()));
}

TEST_F(BtfcTest, AWrongCallOfOursEndsWithTwo) {
  const std::string elf = directory_ + "/m.ko";
  const std::vector<std::vector<std::string>> calls = {
      {},
      {"frobnicate"},
      {"finalize"},
      {"finalize", "--frobnicate", elf},
      {"finalize", "--distill=sometimes", elf},
      {"finalize", "--distill=always", elf},
      {"finalize", "--profile=9", elf},
      {"finalize", "--jobs=0", elf},
      {"finalize", "--output=x", elf, elf},
      {"verify", elf},
      {"verify", "--against"},
      {"verify", "--against", elf},
      {"dkms"},
      {"dkms", "frobnicate"},
      {"dkms", "status", "v4l2loopback"},
      {"dkms", "enable", "--off"},
      {"dkms", "disable", "-zfs"},
      {"dkms", "disable", "all"},
      {"base"},
      {"base", "add"},
      {"base", "remove", ""},
      {"status", "now"},
      {"stop", "--now"},
  };
  for (const auto& call : calls) {
    const testing::RunResult result = Run(call);
    EXPECT_EQ(result.exit_code, 2) << result.err;
    EXPECT_THAT(result.err, HasSubstr("btfc"));
  }
}

TEST_F(BtfcTest, IsResolveBtfidsWhenCalledSo) {
  const std::string link = directory_ + "/resolve_btfids";
  std::filesystem::create_symlink(btfc_, link);
  EXPECT_EQ(Run({}, link).exit_code, 129);
  EXPECT_EQ(Run({"-h"}, link).exit_code, 129);
  EXPECT_EQ(Run({"resolve_btfids", "-h"}).exit_code, 129);
  const testing::RunResult result = Run({"/no/file.ko"}, link);
  EXPECT_EQ(result.exit_code, 255);
  EXPECT_EQ(result.err,
            "ERROR: resolve_btfids: /no/file.ko: cannot open: No such file or "
            "directory\n");
}

TEST_F(BtfcTest, WithoutADaemonStatusSaysSo) {
  const testing::RunResult text = Run({"status"});
  EXPECT_EQ(text.exit_code, 1);
  EXPECT_THAT(text.err, HasSubstr("nobody listens there"));
  const testing::RunResult json = Run({"status", "--json"});
  EXPECT_EQ(json.exit_code, 1);
  EXPECT_EQ(tests::JsonAt(json.out, "running"), "false");
  EXPECT_EQ(Run({"stop"}).exit_code, 0) << "there is nothing to stop";
  const testing::RunResult start = Run({"start"});
  EXPECT_EQ(start.exit_code, 1);
  EXPECT_THAT(start.err, HasSubstr("BTFD_DAEMON=/no/btfd is no program"));
}

TEST_F(BtfcTest, AnEmptyListOfModulesIsNothingToDo) {
  testing::WriteFile(directory_ + "/list", "\n");
  const testing::RunResult result =
      Run({"finalize", "--from-file", directory_ + "/list"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
}

TEST_F(BtfcTest, Linux6WithNothingToResolveAsksNoDaemon) {
  const std::string module =
      testing::TestData("kernels/6.12/modules/net/key/af_key.ko");
  const std::string copy = directory_ + "/af_key.ko";
  testing::WriteFile(copy, testing::ReadFile(module));
  // Neither a daemon nor a base can be reached.
  const testing::RunResult result =
      Run({"resolve_btfids", "-b", "/no/base", copy});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(testing::ReadFile(copy), testing::ReadFile(module));
}

// If the daemon did not apply the kernel's rules, its answer is of no use.
TEST_F(BtfcTest, VerifyTakesNoVerdictOfADaemonThatIsTooOldForIt) {
  const std::string base = directory_ + "/vmlinux.btf";
  testing::WriteFile(base, std::string("\x9f\xeb\x01 of a kernel"));
  const std::string module = directory_ + "/module.ko";
  elf::ElfBuilder elf;
  elf.AddSection(".BTF", std::string("\x9f\xeb\x01 of a module"));
  testing::WriteFile(module, elf.Build());
  // It does what it knows, and answers that all is well.
  const testing::RunResult result = testing::Run(
      btfc_, {"verify", "--against", base, module},
      {{"BTFD_RUNTIME_DIR", directory_ + "/run"},
       {"BTFD_DAEMON",
        std::filesystem::absolute("client/testing/fake_btfd").string()},
       {"FAKE_BTFD_LOG", directory_ + "/log"},
       {"FAKE_BTFD_MODE", ""}});
  EXPECT_EQ(result.exit_code, 1) << result.out;
  EXPECT_EQ(result.out, "");
  EXPECT_THAT(result.err, HasSubstr("does not know the kernel's rules"));
}

}  // namespace
}  // namespace btfd::client
