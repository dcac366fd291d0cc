// SPDX-License-Identifier: Apache-2.0
//
// `make -j8 | tee log` must end when make ends, although a daemon that was
// started by it goes on: the daemon must hold neither the pipe to tee nor the
// jobserver.
#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <set>
#include <sstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/kbuild/module_tree.h"
#include "tests/support/private_daemon.h"

namespace btfd::tests {
namespace {

namespace fs = std::filesystem;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

// The targets of a process's descriptors: paths of files, and "pipe:[N]".
std::set<std::string> Descriptors(int pid) {
  std::set<std::string> links;
  for (const auto& entry :
       fs::directory_iterator(absl::StrCat("/proc/", pid, "/fd"))) {
    std::error_code gone;
    links.insert(fs::read_symlink(entry.path(), gone).string());
  }
  return links;
}

class Jobserver : public ::testing::Test {
 protected:
  void SetUp() override {
    const absl::StatusOr<std::string> build = FindBuildDirectory("6.12");
    ASSERT_TRUE(build.ok()) << build.status();
    tree_ = std::make_unique<ModuleTree>(*build, "tests/kbuild/module");
    // The drop-in, which first writes down what make passed to it.
    WriteFile(
        bin_.file("resolve_btfids"),
        absl::StrCat("#!/bin/sh\n"
                     "{ echo \"MAKEFLAGS=$MAKEFLAGS\"\n"
                     "  readlink /proc/$$/fd/*; } >>",
                     notes(),
                     "\n"
                     "exec ",
                     daemon_.programs().btfc, " resolve_btfids \"$@\"\n"));
    fs::permissions(bin_.file("resolve_btfids"), fs::perms::owner_all);
  }

  std::string notes() const { return bin_.file("notes"); }
  std::string log() const { return bin_.file("log"); }

  // Runs a script whose output is piped to tee. Exit code 124 means that it
  // hung.
  ProcessResult PipeToTee(const std::string& script) const {
    return RunProcess({"timeout", "120", "bash", "-o", "pipefail", "-c",
                       absl::StrCat("{ ", script, "\n} 2>&1 | tee ", log())},
                      {daemon_.Environment(), tree_->path(), ""});
  }

  // The daemon must run, and hold nothing of the processes that started it.
  void ExpectDaemonInheritedNothing() const {
    const absl::StatusOr<int> pid = daemon_.Pid();
    ASSERT_TRUE(pid.ok()) << pid.status();
    EXPECT_EQ(kill(*pid, 0), 0);
    const std::set<std::string> held = Descriptors(*pid);
    std::istringstream noted(ReadFileOrEmpty(notes()));
    for (std::string line; std::getline(noted, line);) {
      // The daemon may have opened /dev/null and the log itself.
      if (line == "/dev/null" || line == notes()) continue;
      EXPECT_THAT(held, Not(Contains(line)));
    }
    EXPECT_THAT(ReadFileOrEmpty(absl::StrCat("/proc/", *pid, "/environ")),
                Not(HasSubstr("MAKEFLAGS=")));
    // It must have its own session, so that Ctrl-C at the build does not reach
    // it.
    EXPECT_NE(getsid(*pid), getsid(0));
  }

  PrivateDaemon daemon_{Programs::OfRunfiles()};
  ScratchDir bin_;
  std::unique_ptr<ModuleTree> tree_;
};

TEST_F(Jobserver, AsAPipeIsLeftBehindByTheDaemon) {
  const ProcessResult result = PipeToTee(absl::StrJoin(
      tree_->MakeCommand({"RESOLVE_BTFIDS=" + bin_.file("resolve_btfids")}),
      " "));
  EXPECT_EQ(result.exit_code, 0) << result.out;
  EXPECT_THAT(ReadFileOrEmpty(log()), HasSubstr("btfd_kfuncs.ko"));
  // This test is only of use if make passed the jobserver on.
  EXPECT_THAT(ReadFileOrEmpty(notes()), HasSubstr("--jobserver-auth="));
  EXPECT_THAT(ReadFileOrEmpty(notes()), HasSubstr("pipe:["));
  ExpectDaemonInheritedNothing();
}

// make 4.4 and newer use a named pipe, which children open by name; here they
// also inherit it. Debian 12's make is 4.3, so the shell does what 4.4 would
// do.
TEST_F(Jobserver, AsAFifoIsLeftBehindByTheDaemon) {
  ASSERT_EQ(tree_->Make({}).exit_code, 0);
  const std::string tool = bin_.file("resolve_btfids");
  const ProcessResult result = PipeToTee(absl::StrCat(
      "mkfifo jobs && exec 9<>jobs && printf +++++++ >&9\n"
      "export MAKEFLAGS=\" -j8 --jobserver-auth=fifo:$PWD/jobs\"\n"
      "for i in 1 2 3 4 5 6 7 8; do cp btfd_kfuncs.ko $i.ko; done\n"
      "pids=\n"
      "for i in 1 2 3 4 5 6 7 8; do\n"
      "  ",
      tool, " -b ", tree_->build_directory(),
      "/vmlinux $i.ko &\n"
      "  pids=\"$pids $!\"\n"
      "done\n"
      "for pid in $pids; do wait $pid || exit; done"));
  EXPECT_EQ(result.exit_code, 0) << result.out;
  EXPECT_THAT(ReadFileOrEmpty(notes()), HasSubstr("/jobs"));
  ExpectDaemonInheritedNothing();
}

}  // namespace
}  // namespace btfd::tests
