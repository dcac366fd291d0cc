// SPDX-License-Identifier: Apache-2.0
#include "client/rpc/connection.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/rpc/daemon_process.h"
#include "client/testing/testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace btfd::client {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class ConnectionTest : public ::testing::Test {
 protected:
  ConnectionTest() : directory_(testing::FreshDirectory()) {
    setenv("BTFD_RUNTIME_DIR", (directory_ + "/run").c_str(), 1);
    setenv("FAKE_BTFD_LOG", (directory_ + "/log").c_str(), 1);
    setenv("FAKE_BTFD_MODE", "", 1);
    paths_ = util::RuntimePathsOfProcess();
    fake_ = std::filesystem::absolute("client/testing/fake_btfd").string();
  }
  ~ConnectionTest() override { std::filesystem::remove_all(directory_); }

  const std::string directory_;
  util::RuntimePaths paths_;
  std::string fake_;
};

TEST_F(ConnectionTest, NobodyThereIsNotFound) {
  const auto socket = ConnectSocket(paths_);
  EXPECT_EQ(socket.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(socket.status().message()),
              HasSubstr("btfd-4.2.sock: nobody listens there"));
}

TEST_F(ConnectionTest, AnotherUsersDaemonIsRefused) {
  EXPECT_TRUE(CheckPeer(7, 7, "/s").ok());
  const absl::Status status = CheckPeer(8, 7, "/s");
  EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(status.message(), "/s: uid 8 listens there, not we");
}

TEST_F(ConnectionTest, ADirectoryOpenToOthersIsRefused) {
  ASSERT_EQ(mkdir(paths_.directory.c_str(), 0755), 0);
  ASSERT_EQ(chmod(paths_.directory.c_str(), 0755), 0);
  const auto socket = ConnectOrStart(paths_, fake_);
  EXPECT_EQ(socket.status().code(), absl::StatusCode::kPermissionDenied);
}

TEST_F(ConnectionTest, SixtyFourClientsAtOnceStartOneDaemon) {
  std::vector<pid_t> clients;
  for (int i = 0; i < 64; ++i) {
    const pid_t client = fork();
    if (client == 0) _exit(ConnectOrStart(paths_, fake_).ok() ? 0 : 1);
    clients.push_back(client);
  }
  for (const pid_t client : clients) {
    int status = 0;
    waitpid(client, &status, 0);
    EXPECT_EQ(status, 0);
  }
  EXPECT_EQ(testing::ReadFile(directory_ + "/log.starts"), "start\n");
}

TEST_F(ConnectionTest, TheDaemonInheritsNothingOfTheBuild) {
  // The write end of `make | tee` is open in every child of make.
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  setenv("MAKEFLAGS", "-j8 --jobserver-auth=3,4", 1);
  setenv("KEPT", "yes", 1);
  ASSERT_TRUE(ConnectOrStart(paths_, fake_).ok());
  unsetenv("MAKEFLAGS");
  close(ends[1]);
  fcntl(ends[0], F_SETFL, O_NONBLOCK);
  char byte;
  EXPECT_EQ(read(ends[0], &byte, 1), 0) << "the pipeline ends, the daemon not";
  close(ends[0]);
  EXPECT_TRUE(ConnectSocket(paths_).ok());

  // The daemon is a program that prints what it gets.
  const std::string printer = directory_ + "/printer";
  testing::WriteFile(
      printer, absl::StrCat("#!/bin/sh\nenv >", directory_, "/env; exit 3\n"));
  chmod(printer.c_str(), 0700);
  setenv("MAKEFLAGS", "-j8", 1);
  util::RuntimePaths elsewhere = paths_;
  elsewhere.socket = directory_ + "/elsewhere.sock";
  const auto socket = ConnectOrStart(elsewhere, printer);
  unsetenv("MAKEFLAGS");
  EXPECT_EQ(socket.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(socket.status().message()),
              HasSubstr("/printer ended with status 3; see "));
  EXPECT_THAT(testing::ReadFile(directory_ + "/env"), HasSubstr("KEPT=yes"));
  EXPECT_THAT(testing::ReadFile(directory_ + "/env"),
              Not(HasSubstr("MAKEFLAGS")));
}

// A parent that ignores SIGCHLD leaves that to us, and nobody can be waited
// for.
TEST_F(ConnectionTest, AStartThatFailsIsSeenWhereNoChildCanBeWaitedFor) {
  signal(SIGCHLD, SIG_IGN);
  const absl::Time start = absl::Now();
  const auto socket = ConnectOrStart(paths_, "/bin/false");
  signal(SIGCHLD, SIG_DFL);
  EXPECT_EQ(socket.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_LT(absl::Now() - start, kStartLimit / 2);
}

// Where process 1 does not wait for orphans they would pile up.
TEST_F(ConnectionTest, AStartLeavesNoZombie) {
  while (waitpid(-1, nullptr, 0) > 0) {
    // Those of the tests before.
  }
  ASSERT_TRUE(ConnectOrStart(paths_, fake_).ok());
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1) << "a child is left";
  EXPECT_EQ(errno, ECHILD);
}

TEST_F(ConnectionTest, AProgramThatIsNamedMustBeThere) {
  const auto program = FindDaemon("/no/btfd");
  EXPECT_EQ(program.status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(program.status().message(), "BTFD_DAEMON=/no/btfd is no program");
}

TEST_F(ConnectionTest, ElseItIsBesideThisProgramOrInThePath) {
  std::filesystem::create_directories(directory_ + "/client");
  std::filesystem::create_directories(directory_ + "/daemon");
  const std::string own = directory_ + "/client";
  const std::string search = "::/nowhere:" + directory_;
  const auto put = [](const std::string& path, mode_t mode) {
    testing::WriteFile(path, "#!/bin/sh\n");
    chmod(path.c_str(), mode);
  };
  const auto none = FindDaemonIn(own, search);
  EXPECT_EQ(none.status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(none.status().message(),
            "btfd is neither in " + own + " nor in PATH");
  put(directory_ + "/btfd", 0600);
  EXPECT_FALSE(FindDaemonIn(own, search).ok()) << "not executable";
  put(directory_ + "/btfd", 0700);
  EXPECT_EQ(*FindDaemonIn(own, search), directory_ + "/btfd");
  put(directory_ + "/daemon/btfd", 0700);
  EXPECT_EQ(*FindDaemonIn(own, search), own + "/../daemon/btfd");
  put(own + "/btfd", 0700);
  EXPECT_EQ(*FindDaemonIn(own, search), own + "/btfd");
}

TEST_F(ConnectionTest, TheMarkOfAFailureLastsAMinuteAndIsSetByOne) {
  ASSERT_TRUE(util::EnsurePrivateDirectory(paths_.directory).ok());
  BackoffMark mark = BackoffMark::OfFailure(paths_);
  EXPECT_FALSE(mark.Active());
  EXPECT_TRUE(mark.Set());
  EXPECT_TRUE(mark.Active());
  EXPECT_FALSE(BackoffMark::OfFailure(paths_).Set()) << "somebody else has";
  const timespec time = absl::ToTimespec(absl::Now() - kBackoff);
  const timespec times[2] = {time, time};
  utimensat(AT_FDCWD, paths_.backoff.c_str(), times, 0);
  EXPECT_FALSE(mark.Active());
  EXPECT_TRUE(mark.Set());
  mark.Clear();
  EXPECT_FALSE(mark.Active());
}

TEST_F(ConnectionTest, TheMarkIsInTmpWhereTheDirectoryCannotBeUsed) {
  unlink(paths_.other_backoff.c_str());
  ASSERT_EQ(symlink("/tmp", paths_.directory.c_str()), 0);
  EXPECT_TRUE(BackoffMark::OfFailure(paths_).Set());
  EXPECT_TRUE(BackoffMark::OfFailure(paths_).Active());
  EXPECT_FALSE(BackoffMark::OfFailure(paths_).Set()) << "somebody else has";
  EXPECT_FALSE(std::filesystem::exists(paths_.backoff));
  BackoffMark::OfFailure(paths_).Clear();
  EXPECT_FALSE(BackoffMark::OfFailure(paths_).Active());
}

TEST_F(ConnectionTest, WhereNoMarkCanBeKeptEachOneTells) {
  ASSERT_EQ(symlink("/tmp", paths_.directory.c_str()), 0);
  paths_.other_backoff = "/no/such/directory/mark";
  EXPECT_TRUE(BackoffMark::OfFailure(paths_).Set());
  EXPECT_TRUE(BackoffMark::OfFailure(paths_).Set());
  EXPECT_FALSE(BackoffMark::OfFailure(paths_).Active());
}

// If a daemon is stopped, all clients of a build notice that at the same
// moment.
TEST_F(ConnectionTest, OfManyAtOnceOneSetsTheMark) {
  ASSERT_TRUE(util::EnsurePrivateDirectory(paths_.directory).ok());
  for (int round = 0; round < 200; ++round) {
    BackoffMark::OfFailure(paths_).Clear();
    if (round % 2 == 1) {  // there is an old mark
      testing::WriteFile(paths_.backoff, "");
      const timespec time = absl::ToTimespec(absl::Now() - kBackoff);
      const timespec times[2] = {time, time};
      utimensat(AT_FDCWD, paths_.backoff.c_str(), times, 0);
    }
    std::atomic<int> ready{0}, set{0};
    std::vector<std::thread> clients;
    for (int i = 0; i < 4; ++i) {
      clients.emplace_back([&] {
        for (++ready; ready < 4;) {
        }
        if (BackoffMark::OfFailure(paths_).Set()) ++set;
      });
    }
    for (std::thread& client : clients) client.join();
    ASSERT_EQ(set, 1) << "round " << round;
  }
}

}  // namespace
}  // namespace btfd::client
