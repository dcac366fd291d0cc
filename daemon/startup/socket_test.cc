// SPDX-License-Identifier: Apache-2.0
#include "daemon/startup/socket.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace btfd::daemon {
namespace {

using ::testing::HasSubstr;

// A short path: the name of a socket has 107 bytes at most.
class SocketTest : public ::testing::Test {
 protected:
  SocketTest() {
    char name[] = "/tmp/btfd-socket-test.XXXXXX";
    root_ = mkdtemp(name);
    directory_ = root_ + "/run";
    path_ = directory_ + "/btfd-4.2.sock";
  }
  ~SocketTest() override { std::filesystem::remove_all(root_); }

  absl::StatusOr<std::unique_ptr<Listener>> Claim(
      absl::Duration wait_limit = absl::ZeroDuration()) {
    return Listener::Claim(path_, /*shared_directory=*/false, wait_limit);
  }
  util::UniqueFd Connect() {
    util::UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path_.copy(address.sun_path, sizeof(address.sun_path) - 1);
    if (connect(fd.get(), reinterpret_cast<sockaddr*>(&address),
                sizeof(address)) != 0) {
      fd.Reset();
    }
    return fd;
  }
  static mode_t ModeOf(const std::string& path) {
    struct stat info;
    return lstat(path.c_str(), &info) == 0 ? info.st_mode & 07777 : 0;
  }
  // A socket on which nobody listens, as a killed daemon leaves it.
  void LeaveStaleSocket() {
    auto killed = Claim();
    ASSERT_TRUE(killed.ok());
    std::filesystem::rename(path_, path_ + ".kept");
    killed->reset();
    std::filesystem::rename(path_ + ".kept", path_);
    ASSERT_FALSE(Connect());
  }

  std::string root_, directory_, path_;
};

TEST_F(SocketTest, TheSocketAndItsDirectoryArePrivate) {
  const auto listener = Claim();
  ASSERT_TRUE(listener.ok()) << listener.status();
  EXPECT_EQ(ModeOf(directory_), 0700u);
  EXPECT_EQ(ModeOf(path_), 0600u);
  EXPECT_EQ(ModeOf(directory_ + "/btfd-4.2.lock"), 0600u);
}

TEST_F(SocketTest, ConnectionsAreAcceptedReadyForGrpc) {
  const auto listener = Claim();
  ASSERT_TRUE(listener.ok());
  EXPECT_TRUE(absl::IsUnavailable((*listener)->Accept().status()));
  const util::UniqueFd client = Connect();
  ASSERT_TRUE(client);
  const auto connection = (*listener)->Accept();
  ASSERT_TRUE(connection.ok()) << connection.status();
  EXPECT_NE(fcntl(connection->get(), F_GETFL) & O_NONBLOCK, 0);
  EXPECT_NE(fcntl(connection->get(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST_F(SocketTest, ASecondDaemonFindsThePlaceTaken) {
  const auto first = Claim();
  ASSERT_TRUE(first.ok());
  const auto second = Claim();
  EXPECT_TRUE(absl::IsAlreadyExists(second.status())) << second.status();
  EXPECT_TRUE(Connect());
}

TEST_F(SocketTest, AStaleSocketIsReplaced) {
  LeaveStaleSocket();
  const auto listener = Claim();
  ASSERT_TRUE(listener.ok()) << listener.status();
  EXPECT_TRUE(Connect());
}

TEST_F(SocketTest, AStaleSocketIsLeftAloneWithoutTheLock) {
  LeaveStaleSocket();
  const int lock = open((directory_ + "/btfd-4.2.lock").c_str(), O_RDWR);
  ASSERT_EQ(lockf(lock, F_LOCK, 0), 0);  // of another kind: does not count
  struct stat before, after;
  ASSERT_EQ(lstat(path_.c_str(), &before), 0);
  const int holder = open((directory_ + "/btfd-4.2.lock").c_str(), O_RDWR);
  ASSERT_EQ(flock(holder, LOCK_EX), 0);
  const auto listener = Claim(absl::Milliseconds(50));
  EXPECT_TRUE(absl::IsDeadlineExceeded(listener.status()));
  EXPECT_THAT(std::string(listener.status().message()),
              HasSubstr("does not listen"));
  ASSERT_EQ(lstat(path_.c_str(), &after), 0);
  EXPECT_EQ(before.st_ino, after.st_ino);
  close(lock);
  close(holder);
}

TEST_F(SocketTest, WhatIsNoSocketIsNotDeleted) {
  ASSERT_TRUE(std::filesystem::create_directory(directory_));
  ASSERT_EQ(chmod(directory_.c_str(), 0700), 0);
  std::ofstream(path_) << "precious";
  const auto listener = Claim();
  EXPECT_TRUE(absl::IsFailedPrecondition(listener.status()));
  EXPECT_THAT(std::string(listener.status().message()),
              HasSubstr("not a socket"));
  EXPECT_EQ(std::filesystem::file_size(path_), 8u);
}

TEST_F(SocketTest, ALinkIsNotFollowed) {
  ASSERT_TRUE(std::filesystem::create_directory(directory_));
  ASSERT_EQ(chmod(directory_.c_str(), 0700), 0);
  std::ofstream(root_ + "/precious") << "precious";
  std::filesystem::create_symlink(root_ + "/precious", path_);
  EXPECT_TRUE(absl::IsFailedPrecondition(Claim().status()));
  std::filesystem::remove(path_);
  std::filesystem::remove(directory_ + "/btfd-4.2.lock");
  std::filesystem::create_symlink(root_ + "/precious",
                                  directory_ + "/btfd-4.2.lock");
  EXPECT_FALSE(Claim().ok());
  EXPECT_EQ(std::filesystem::file_size(root_ + "/precious"), 8u);
}

TEST_F(SocketTest, ADirectoryThatOthersCanEnterIsRefused) {
  ASSERT_TRUE(std::filesystem::create_directory(directory_));
  ASSERT_EQ(chmod(directory_.c_str(), 0755), 0);
  const auto listener = Claim();
  EXPECT_TRUE(absl::IsPermissionDenied(listener.status()));
  EXPECT_THAT(std::string(listener.status().message()), HasSubstr("0700"));
  // It is allowed if the user named that place.
  EXPECT_TRUE(
      Listener::Claim(path_, /*shared_directory=*/true, absl::ZeroDuration())
          .ok());
}

TEST_F(SocketTest, ADirectoryThatIsALinkIsRefused) {
  const std::string elsewhere = root_ + "/elsewhere";
  ASSERT_TRUE(std::filesystem::create_directory(elsewhere));
  ASSERT_EQ(chmod(elsewhere.c_str(), 0700), 0);
  std::filesystem::create_directory_symlink(elsewhere, directory_);
  EXPECT_TRUE(absl::IsPermissionDenied(Claim().status()));
}

TEST_F(SocketTest, APathThatDoesNotFitIsRefused) {
  path_ = directory_ + "/" + std::string(120, 'x');
  const auto listener = Claim();
  EXPECT_TRUE(absl::IsInvalidArgument(listener.status()));
  EXPECT_THAT(std::string(listener.status().message()),
              HasSubstr("1 to 107 bytes"));
}

TEST_F(SocketTest, ARetiredListenerMakesRoomAndStillAcceptsWhoWaits) {
  const auto first = Claim();
  ASSERT_TRUE(first.ok());
  const util::UniqueFd waiting = Connect();
  ASSERT_TRUE(waiting);
  EXPECT_TRUE((*first)->Retire());
  EXPECT_FALSE(std::filesystem::exists(path_));
  const auto second = Claim();
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_TRUE((*first)->Accept().ok());
  EXPECT_TRUE(Connect());
  // The end of the first one must not touch the socket of the second one.
  EXPECT_FALSE((*first)->Retire());
  EXPECT_TRUE(std::filesystem::exists(path_));
}

TEST_F(SocketTest, ALostSocketIsNoticedAndAnothersIsNotDeleted) {
  const auto listener = Claim();
  ASSERT_TRUE(listener.ok());
  EXPECT_TRUE((*listener)->Reachable());
  std::filesystem::remove(path_);
  EXPECT_FALSE((*listener)->Reachable());
  std::ofstream(path_) << "not ours";
  EXPECT_FALSE((*listener)->Reachable());
  (*listener)->Retire();
  EXPECT_TRUE(std::filesystem::exists(path_));
}

TEST_F(SocketTest, ASupervisorsSocketIsServedAndStays) {
  ASSERT_TRUE(std::filesystem::create_directory(directory_));
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path_.copy(address.sun_path, sizeof(address.sun_path) - 1);
  ASSERT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)),
            0);
  ASSERT_EQ(listen(fd, 5), 0);
  {
    const auto listener = Listener::Adopt(fd);
    ASSERT_TRUE(listener.ok()) << listener.status();
    EXPECT_EQ((*listener)->path(), path_);
    const util::UniqueFd client = Connect();
    EXPECT_TRUE((*listener)->Accept().ok());
    // A process that wants to start a daemon sees that one runs.
    ASSERT_EQ(chmod(directory_.c_str(), 0700), 0);
    EXPECT_TRUE(absl::IsAlreadyExists(Claim().status()));
    EXPECT_FALSE((*listener)->Retire());
  }
  EXPECT_TRUE(std::filesystem::exists(path_));
}

TEST_F(SocketTest, OnlySocketsOfTheRightKindAreTakenOver) {
  int pair[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
  close(pair[1]);
  EXPECT_TRUE(absl::IsInvalidArgument(Listener::Adopt(pair[0]).status()));
  const int file = open("/dev/null", O_RDWR);
  EXPECT_TRUE(absl::IsInvalidArgument(Listener::Adopt(file).status()));
  const int closed = open("/dev/null", O_RDWR);
  close(closed);
  EXPECT_TRUE(absl::IsInvalidArgument(Listener::Adopt(closed).status()));
}

TEST(SystemdSocket, CountsOnlyForThisProcess) {
  setenv("LISTEN_FDS", "1", 1);
  setenv("LISTEN_PID", absl::StrCat(getpid() + 1).c_str(), 1);
  EXPECT_EQ(TakeSystemdSocket(), -1);
  EXPECT_EQ(getenv("LISTEN_FDS"), nullptr);
  setenv("LISTEN_FDS", "1", 1);
  setenv("LISTEN_PID", absl::StrCat(getpid()).c_str(), 1);
  EXPECT_EQ(TakeSystemdSocket(), 3);
  EXPECT_EQ(TakeSystemdSocket(), -1);
}

}  // namespace
}  // namespace btfd::daemon
