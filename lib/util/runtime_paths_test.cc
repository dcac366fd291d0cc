// SPDX-License-Identifier: Apache-2.0
#include "lib/util/runtime_paths.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace btfd::util {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;

std::string FreshPath() {
  std::string path = ::testing::TempDir() + "/runtime.XXXXXX";
  EXPECT_NE(mkdtemp(path.data()), nullptr);
  return path + "/btfd";
}

TEST(RuntimePaths, StandInTheUsersRuntimeDirectory) {
  const RuntimePaths paths = RuntimePathsFor("/run/user/7", 7);
  EXPECT_EQ(paths.directory, "/run/user/7/btfd");
  EXPECT_EQ(paths.socket, "/run/user/7/btfd/btfd-4.2.sock");
  EXPECT_EQ(paths.lock, "/run/user/7/btfd/btfd-4.2.lock");
  EXPECT_EQ(paths.start, "/run/user/7/btfd/btfd-4.2.start");
  EXPECT_EQ(paths.backoff, "/run/user/7/btfd/btfd-4.2.backoff");
  EXPECT_EQ(paths.told, "/run/user/7/btfd/btfd-4.2.told");
  EXPECT_EQ(paths.log, "/run/user/7/btfd/btfd-4.2.log");
}

TEST(RuntimePaths, FallBackToTmpWithTheUid) {
  EXPECT_EQ(RuntimePathsFor("", 7).socket, "/tmp/btfd-7/btfd-4.2.sock");
  EXPECT_EQ(RuntimePathsFor("relative", 7).directory, "/tmp/btfd-7");
}

TEST(RuntimePaths, ADirectoryTooLongForASocketAddressIsNotUsed) {
  // With "/", "/btfd/btfd-4.2.sock" and the final NUL it just fits 108 bytes.
  const std::string longest(108 - 1 - 19 - 1, 'x');
  EXPECT_THAT(RuntimePathsFor("/" + longest, 7).directory, EndsWith("x/btfd"));
  EXPECT_EQ(RuntimePathsFor("/x" + longest, 7).directory, "/tmp/btfd-7");
}

// An XDG_RUNTIME_DIR of the test's own.
class XdgRuntimeDirectory : public ::testing::Test {
 protected:
  XdgRuntimeDirectory() {
    EXPECT_NE(mkdtemp(xdg_.data()), nullptr);
    btfd_ = xdg_ + "/btfd";
    setenv("XDG_RUNTIME_DIR", xdg_.c_str(), 1);
  }
  ~XdgRuntimeDirectory() override {
    unsetenv("XDG_RUNTIME_DIR");
    rmdir(btfd_.c_str());
    rmdir(xdg_.c_str());
  }

  std::string xdg_ = "/tmp/xdg.XXXXXX";  // short: a socket's name is
  std::string btfd_;
};

TEST_F(XdgRuntimeDirectory, ComesAfterOurOwnVariable) {
  setenv("BTFD_RUNTIME_DIR", "/somewhere", 1);
  EXPECT_EQ(RuntimePathsOfProcess().socket, "/somewhere/btfd-4.2.sock");
  unsetenv("BTFD_RUNTIME_DIR");
  EXPECT_EQ(RuntimePathsOfProcess().socket, btfd_ + "/btfd-4.2.sock");
  EXPECT_EQ(RuntimePathsOfProcess().passed_over, "");
}

TEST_F(XdgRuntimeDirectory, OfAnotherUserIsPassedOver) {
  const uid_t other = geteuid() + 1;
  const RuntimePaths paths = UsableRuntimePathsFor(xdg_, other);
  EXPECT_EQ(paths.directory, absl::StrCat("/tmp/btfd-", other));
  EXPECT_EQ(paths.passed_over, btfd_);
}

TEST_F(XdgRuntimeDirectory, WithAnotherUsersBtfdInItIsPassedOver) {
  ASSERT_EQ(mkdir(btfd_.c_str(), 0700), 0);
  EXPECT_EQ(UsableRuntimePathsFor(xdg_, geteuid()).directory, btfd_);
  const uid_t other = geteuid() + 1;
  EXPECT_EQ(UsableRuntimePathsFor(xdg_, other).passed_over, btfd_);
}

TEST_F(XdgRuntimeDirectory, ThatIsMissingIsPassedOver) {
  ASSERT_EQ(rmdir(xdg_.c_str()), 0);
  const RuntimePaths paths = RuntimePathsOfProcess();
  EXPECT_EQ(paths.directory, absl::StrCat("/tmp/btfd-", geteuid()));
  EXPECT_EQ(paths.passed_over, btfd_);
}

TEST(RuntimePaths, WhatIsNamedByTheUserIsNeverReplaced) {
  const std::string longer = "/" + std::string(200, 'x');
  setenv("BTFD_RUNTIME_DIR", longer.c_str(), 1);
  EXPECT_EQ(RuntimePathsOfProcess().directory, longer);
  unsetenv("BTFD_RUNTIME_DIR");
}

TEST(RuntimePaths, ASocketOfItsOwnHasAllElseBesideIt) {
  setenv("BTFD_SOCKET", "/srv/build/b.sock", 1);
  const RuntimePaths paths = RuntimePathsOfProcess();
  unsetenv("BTFD_SOCKET");
  EXPECT_EQ(paths.directory, "/srv/build");
  EXPECT_EQ(paths.socket, "/srv/build/b.sock");
  EXPECT_EQ(paths.lock, "/srv/build/b.lock");
  EXPECT_TRUE(paths.shared_directory);
}

TEST(PrivateDirectory, IsMadeAndFoundAgain) {
  const std::string path = FreshPath();
  EXPECT_TRUE(EnsurePrivateDirectory(path).ok());
  EXPECT_TRUE(EnsurePrivateDirectory(path).ok());
  struct stat info;
  ASSERT_EQ(stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0700u);
}

TEST(PrivateDirectory, OpenToOthersIsRefused) {
  const std::string path = FreshPath();
  ASSERT_EQ(mkdir(path.c_str(), 0700), 0);
  ASSERT_EQ(chmod(path.c_str(), 0755), 0);
  const absl::Status status = EnsurePrivateDirectory(path);
  EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("is open to other users; make it mode 0700"));
}

TEST(PrivateDirectory, SymbolicLinkIsRefused) {
  const std::string path = FreshPath();
  ASSERT_EQ(symlink("/tmp", path.c_str()), 0);
  const absl::Status status = EnsurePrivateDirectory(path);
  EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied);
  EXPECT_THAT(std::string(status.message()), HasSubstr("is not a directory"));
}

TEST(PrivateDirectory, MissingParentIsNamed) {
  const absl::Status status = EnsurePrivateDirectory("/does/not/exist");
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("cannot make /does/not/exist"));
}

}  // namespace
}  // namespace btfd::util
