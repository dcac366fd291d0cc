// SPDX-License-Identifier: Apache-2.0
//
// Builds under the limits of a shell or a container. Where upstream's tool
// passes, ours does, with the same bytes, though the daemon that it would start
// first needs far more than one process may have here; and what became of that
// daemon holds up nobody.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "tests/support/peer.h"
#include "tests/support/process.h"
#include "tests/support/testdata.h"
#include "tests/support/user.h"

namespace btfd::tests {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using Words = std::vector<std::string>;

class Limits : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(geteuid(), 0u)
        << "this test becomes a user with a limit on processes, which root has "
           "not";
    const auto kernel = FindKernel("7.2");
    ASSERT_TRUE(kernel.ok()) << kernel.status();
    const auto peer = FindPeer("7.2");
    ASSERT_TRUE(peer.ok()) << peer.status();
    const auto modules = ModulesNamed(kernel->modules, {"af_key"});
    ASSERT_EQ(modules.size(), 1u);
    // The runfiles may be in a place that is root's alone.
    chmod(scratch_.path().c_str(), 0755);
    for (const std::string& program :
         {std::string("client/btfc"), std::string("client/resolve_btfids"),
          std::string("daemon/btfd")}) {
      Install(program, fs::path(program).filename().string());
    }
    Install(*peer, "upstream");
    user_.Put(kernel->vmlinux_btf, "base.btf");
    user_.Put(modules[0], "module.ko");
    for (const char* directory : {"run", "cache"}) {
      fs::create_directory(user_.file(directory));
      chmod(user_.file(directory).c_str(), 0700);
      user_.Give(user_.file(directory));
    }
  }
  void TearDown() override {
    for (const pid_t pid : Daemons()) kill(pid, SIGKILL);
  }

  void Install(const std::string& from, const std::string& name) {
    fs::copy_file(from, scratch_.file(name));
    chmod(scratch_.file(name).c_str(), 0755);
  }

  // Runs one of them as the user, under a limit in prlimit(1)'s words.
  ProcessResult Run(const std::string& program, const Words& arguments,
                    const Words& limit = {}, const Words& more = {}) const {
    Words command;
    if (!limit.empty()) command.push_back("prlimit");
    command.insert(command.end(), limit.begin(), limit.end());
    command.push_back(scratch_.file(program));
    command.insert(command.end(), arguments.begin(), arguments.end());
    Words environment = {"BTFD_RUNTIME_DIR=" + user_.file("run"),
                         "XDG_CACHE_HOME=" + user_.file("cache"),
                         "BTFD_PROFILE=7.2"};
    environment.insert(environment.end(), more.begin(), more.end());
    return user_.Run(command, environment);
  }

  // A build by one of the two tools; what it left as .BTF.
  ProcessResult Build(const std::string& program, const Words& limit,
                      std::string* btf, const Words& more = {}) const {
    const std::string result = user_.file("module.ko.BTF");
    fs::remove(result);
    const ProcessResult built =
        Run(program,
            {"--btf_base", user_.file("base.btf"), user_.file("module.ko")},
            limit, more);
    *btf = ReadFileOrEmpty(result);
    return built;
  }

  // Those of the user that have not ended.
  std::vector<pid_t> Daemons() const {
    const ProcessResult ps = RunProcess(
        {"ps", "-u", absl::StrCat(user_.uid()), "-o", "pid=,stat=,comm="});
    std::vector<pid_t> pids;
    for (const auto& line : absl::StrSplit(ps.out, '\n', absl::SkipEmpty())) {
      const Words words = absl::StrSplit(line, ' ', absl::SkipEmpty());
      if (words.size() == 3 && words[1][0] != 'Z' && words[2] == "btfd") {
        pids.push_back(static_cast<pid_t>(std::stol(words[0])));
      }
    }
    return pids;
  }

  // Under each limit that upstream passes; how many these are.
  int ExpectAsUpstream(const std::vector<Words>& limits) {
    int judged = 0;
    for (const Words& limit : limits) {
      SCOPED_TRACE(limit[0]);
      std::string theirs, ours;
      if (Build("upstream", limit, &theirs).exit_code != 0) continue;
      for (const Words& more : {Words(), Words{"BTFD_DISABLE=1"}}) {
        const ProcessResult built = Build("resolve_btfids", limit, &ours, more);
        EXPECT_EQ(built.exit_code, 0) << built.err;
        EXPECT_TRUE(ours == theirs) << built.err;
      }
      ++judged;
      // Whether there is a daemon now or not: it listens, or is none.
      const absl::Time start = absl::Now();
      const ProcessResult stopped = Run("btfc", {"stop"});
      EXPECT_EQ(stopped.exit_code, 0) << stopped.err;
      EXPECT_EQ(stopped.err, "") << "a deaf one was left";
      EXPECT_LT(absl::Now() - start, absl::Seconds(5));
      for (const auto& left : fs::directory_iterator(user_.file("run"))) {
        if (left.path().extension() == ".backoff") fs::remove(left.path());
      }
    }
    return judged;
  }

  // Nobody has it, and each test has another: a process that has ended counts
  // for its user until somebody has waited for it.
  static uid_t NewUid() {
    static uid_t tests = 0;
    return static_cast<uid_t>(2'000'000 + getpid() % 50'000 * 10) + tests++;
  }

  ScratchDir scratch_{"/tmp"};
  const User user_{NewUid(), scratch_.file("user")};
};

TEST_F(Limits, ABuildPassesUnderEachLimitOnProcesses) {
  std::vector<Words> limits;
  for (const int count : {1, 2, 3, 6, 8, 10, 12, 14, 15, 17, 20, 24, 30}) {
    limits.push_back({absl::StrCat("--nproc=", count)});
  }
  // With one process there is none for timeout(1)'s child.
  EXPECT_GE(ExpectAsUpstream(limits), 11);
}

TEST_F(Limits, ABuildPassesUnderEachLimitOnMemory) {
  std::vector<Words> limits;
  for (const int mebibytes : {40, 60, 100, 160, 250, 500}) {
    limits.push_back({absl::StrCat("--as=", mebibytes << 20)});
    limits.push_back({absl::StrCat("--data=", mebibytes << 20)});
  }
  EXPECT_EQ(ExpectAsUpstream(limits), 12);
}

TEST_F(Limits, ABuildPassesUnderEachLimitOnFiles) {
  std::vector<Words> limits;
  for (const int kibibytes : {200, 400, 8000}) {
    limits.push_back({absl::StrCat("--fsize=", kibibytes << 10)});
  }
  for (const int count : {5, 6, 8, 12, 20}) {
    limits.push_back({absl::StrCat("--nofile=", count)});
  }
  limits.push_back({absl::StrCat("--stack=", 128 << 10)});
  EXPECT_EQ(ExpectAsUpstream(limits), 9);
}

// Many modules on one call: gRPC, and a thread that listens to Ctrl-C.
TEST_F(Limits, ABatchPassesUnderEachLimit) {
  const auto kernel = FindKernel("7.2");
  ASSERT_TRUE(kernel.ok());
  const auto modules = ModulesNamed(kernel->modules, {"af_key", "tun", "veth"});
  ASSERT_EQ(modules.size(), 3u);
  const auto finalize = [&](const Words& limit, const Words& more) {
    Words call = {"finalize", "--drop-signature", "--profile=7.2", "--base",
                  user_.file("base.btf")};
    for (const std::string& module : modules) {
      user_.Put(module, fs::path(module).filename());
      call.push_back(user_.file(fs::path(module).filename()));
    }
    const ProcessResult result = Run("btfc", call, limit, more);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    EXPECT_THAT(result.out, HasSubstr("3 modules finalized, 0 failed"));
    std::string contents;
    for (size_t i = 5; i < call.size(); ++i) {
      contents += ReadFileOrEmpty(call[i]);
    }
    return contents;
  };
  const std::string expected = finalize({}, {});
  ASSERT_EQ(Daemons().size(), 1u);
  for (const char* limit :
       {"--nproc=1", "--nproc=10", "--nproc=20", "--nproc=25", "--nproc=30",
        "--nproc=40", "--as=60000000", "--as=150000000", "--as=300000000",
        "--as=500000000", "--as=2000000000", "--data=300000000"}) {
    SCOPED_TRACE(limit);
    for (const char* disable : {"BTFD_DISABLE=0", "BTFD_DISABLE=1"}) {
      EXPECT_TRUE(finalize({limit}, {disable}) == expected) << disable;
    }
  }
}

// vmlinux is encoded on several threads, if there can be any.
TEST_F(Limits, EncodingPassesUnderEachLimit) {
  for (const char* name : {"a", "b", "c"}) {
    WriteFile(user_.file(absl::StrCat(name, ".c")),
              absl::StrCat("struct ", name, " { int x; } ", name, "; int main_",
                           name, "(struct ", name, "* p) { return p->x; }\n"));
  }
  const ProcessResult compiled =
      RunProcess({"gcc", "-g", "-shared", "-o", "abc", "a.c", "b.c", "c.c"},
                 {{}, user_.file(""), ""});
  ASSERT_EQ(compiled.exit_code, 0) << compiled.err;
  chmod(user_.file("abc").c_str(), 0644);
  std::vector<std::string> outputs;
  for (const char* limit : {"--nproc=100", "--nproc=1", "--as=60000000"}) {
    SCOPED_TRACE(limit);
    const ProcessResult result =
        Run("btfc",
            {"pahole", "-J", "-j8",
             "--btf_encode_detached=" + user_.file("out"), user_.file("abc")},
            {limit}, {"BTFD_PAHOLE_VERSION=1.32"});
    EXPECT_EQ(result.exit_code, 0) << result.err;
    outputs.push_back(ReadFileOrEmpty(user_.file("out")));
    fs::remove(user_.file("out"));
  }
  EXPECT_NE(outputs[0], "");
  EXPECT_EQ(outputs[1], outputs[0]);
  EXPECT_EQ(outputs[2], outputs[0]);
}

// A daemon of a build with limits does not hold up the next one.
TEST_F(Limits, TheLockIsFreeAfterAStartThatFailed) {
  std::string btf;
  EXPECT_EQ(Build("resolve_btfids", {"--nproc=10"}, &btf).exit_code, 0);
  EXPECT_THAT(Daemons(), IsEmpty());
  const ProcessResult started = Run("btfc", {"start"});
  EXPECT_EQ(started.exit_code, 0) << started.err;
  EXPECT_EQ(Run("btfc", {"stop"}).exit_code, 0);
}

TEST_F(Limits, ADaemonThatIsDeafIsEndedAndFollowed) {
  ASSERT_EQ(Run("btfc", {"start"}).exit_code, 0);
  const std::vector<pid_t> before = Daemons();
  ASSERT_EQ(before.size(), 1u);
  ASSERT_EQ(kill(before[0], SIGSTOP), 0);
  // It stops that one, as `btfc stop` does, and starts another.
  const ProcessResult restarted = Run("btfc", {"restart"});
  EXPECT_EQ(restarted.exit_code, 0) << restarted.err;
  EXPECT_THAT(restarted.err, HasSubstr("ending it by force"));
  const std::vector<pid_t> after = Daemons();
  ASSERT_EQ(after.size(), 1u);
  EXPECT_NE(after[0], before[0]);
}

// A file system can be unmounted, a directory removed, as soon as the build is
// through.
TEST_F(Limits, WithoutADaemonNothingOutlivesTheBuild) {
  std::string btf;
  ASSERT_EQ(Build("resolve_btfids", {}, &btf, {"BTFD_DISABLE=1"}).exit_code, 0);
  EXPECT_NE(btf, "");
  const ProcessResult ps = RunProcess(
      {"ps", "-u", absl::StrCat(user_.uid()), "-o", "pid=,stat=,args="});
  EXPECT_EQ(ps.out, "") << "no process, no zombie";
  EXPECT_TRUE(fs::is_empty(user_.file("cache")));
  EXPECT_TRUE(fs::is_empty(user_.file("run")));
}

}  // namespace
}  // namespace btfd::tests
