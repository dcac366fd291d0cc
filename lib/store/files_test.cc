// SPDX-License-Identifier: Apache-2.0
#include "lib/store/files.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace btfd::store {
namespace {
using ::testing::HasSubstr;

class FilesTest : public ::testing::Test {
 protected:
  FilesTest()
      : directory_(
            ::testing::TempDir() + "/files." +
            ::testing::UnitTest::GetInstance()->current_test_info()->name()) {
    std::filesystem::remove_all(directory_);
    EXPECT_TRUE(PrepareDirectory(directory_).ok());
  }
  ~FilesTest() override { std::filesystem::remove_all(directory_); }
  std::string Make(const std::string& name, size_t size) const {
    const std::string path = directory_ + "/" + name;
    std::ofstream(path) << std::string(size, 'x');
    return path;
  }
  const std::string directory_;
};

TEST_F(FilesTest, NetworkFileSystemsAreKnown) {
  EXPECT_STREQ(NetworkFilesystem(0x6969), "NFS");
  // Some systems give f_type as a signed 32-bit number.
  EXPECT_STREQ(NetworkFilesystem(0xff534d42), "CIFS");
  EXPECT_STREQ(NetworkFilesystem(static_cast<int32_t>(0xff534d42)), "CIFS");
  EXPECT_STREQ(NetworkFilesystem(0xfe534d42), "SMB");
  EXPECT_STREQ(NetworkFilesystem(0x01021997), "9p");
  EXPECT_STREQ(NetworkFilesystem(0x65735546), "FUSE");
  EXPECT_STREQ(NetworkFilesystem(0x5346414f), "AFS");
  EXPECT_STREQ(NetworkFilesystem(0x00c36400), "Ceph");
  EXPECT_STREQ(NetworkFilesystem(0x0bd00bd0), "Lustre");
  EXPECT_EQ(NetworkFilesystem(0xef53), nullptr);      // ext4
  EXPECT_EQ(NetworkFilesystem(0x01021994), nullptr);  // tmpfs
  EXPECT_EQ(NetworkFilesystem(0x9123683e), nullptr);  // btrfs
  EXPECT_EQ(NetworkFilesystem(0x58465342), nullptr);  // xfs
  EXPECT_STREQ(NetworkFilesystemOf(directory_ + "/absent"), "unknown");
}

TEST_F(FilesTest, TheDirectoryAndItsParentAreMadeAndNothingAboveThem) {
  const std::string made = directory_ + "/a/b";
  ASSERT_TRUE(PrepareDirectory(made).ok());
  EXPECT_TRUE(std::filesystem::is_directory(made));
  EXPECT_TRUE(PrepareDirectory(made).ok());
  const absl::Status status = PrepareDirectory(directory_ + "/home/user/cache");
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound) << status;
  EXPECT_FALSE(std::filesystem::exists(directory_ + "/home"));
}

TEST_F(FilesTest, NothingIsMadeInAnotherUsersDirectory) {
  struct stat seen;
  ASSERT_EQ(stat(directory_.c_str(), &seen), 0);
  EXPECT_TRUE(CheckParent(seen, geteuid(), directory_).ok());
  seen.st_uid = 1000;
  EXPECT_TRUE(CheckParent(seen, 1000, directory_).ok());
  const absl::Status status = CheckParent(seen, 0, directory_);
  EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied) << status;
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("nothing is made in the directory of another user "
                        "(1000, we are 0)"));
}

TEST_F(FilesTest, DirectoryOfAnotherUserIsRefused) {
  struct stat seen;
  ASSERT_EQ(stat(directory_.c_str(), &seen), 0);
  EXPECT_TRUE(CheckDirectory(seen, geteuid(), directory_).ok());
  const absl::Status status = CheckDirectory(seen, geteuid() + 1, directory_);
  EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied) << status;
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("the directory belongs to another user"));
}

TEST_F(FilesTest, FileIsMadePrivateAndLeftAlone) {
  const std::string path = directory_ + "/file";
  ASSERT_TRUE(CreatePrivateFile(path).ok());
  struct stat status;
  ASSERT_EQ(stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  std::ofstream(path) << "content";
  ASSERT_TRUE(CreatePrivateFile(path).ok());
  EXPECT_EQ(std::filesystem::file_size(path), 7u);
  const absl::Status absent = CreatePrivateFile(directory_ + "/no/file");
  EXPECT_EQ(absent.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(absent.message()), HasSubstr("/no/file"));
}

TEST_F(FilesTest, IdentityChangesWithTheFileAndNotWithItsContent) {
  const std::string path = Make("file", 1);
  const FileIdentity before = IdentityOf(path);
  Make("file", 2);
  EXPECT_TRUE(IdentityOf(path) == before);
  std::filesystem::rename(Make("other", 1), path);
  EXPECT_FALSE(IdentityOf(path) == before);
  EXPECT_TRUE(IdentityOf(directory_ + "/absent") == FileIdentity());
}

TEST_F(FilesTest, JournalsAreSetAsideAndCountedWithTheFile) {
  const std::string path = Make("file", 100);
  Make("file-wal", 20);
  Make("file-shm", 3);
  EXPECT_EQ(BytesOnDisk(path), 123u);
  const auto aside = SetAside(path, absl::FromUnixSeconds(0));
  ASSERT_TRUE(aside.ok()) << aside.status();
  EXPECT_THAT(*aside, HasSubstr("/file.aside-19700101T000000.000000-"));
  EXPECT_EQ(BytesOnDisk(path), 0u);
  EXPECT_EQ(BytesOnDisk(*aside), 123u);
  // The next file that is set aside takes its place.
  Make("file", 7);
  ASSERT_TRUE(SetAside(path, absl::FromUnixSeconds(1)).ok());
  EXPECT_EQ(BytesOnDisk(*aside), 0u);
}

TEST_F(FilesTest, SettingAsideWhatIsNotThereIsAnError) {
  const auto aside = SetAside(directory_ + "/absent", absl::Now());
  EXPECT_EQ(aside.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(aside.status().message()),
              HasSubstr("setting aside"));
}

TEST_F(FilesTest, LockIsOfOneAtATime) {
  const std::string path = directory_ + "/lock";
  {
    const auto first = FileLock::Take(path, absl::ZeroDuration());
    ASSERT_TRUE(first.ok()) << first.status();
    const auto second = FileLock::Take(path, absl::Milliseconds(20));
    EXPECT_EQ(second.status().code(), absl::StatusCode::kUnavailable);
    EXPECT_THAT(std::string(second.status().message()),
                HasSubstr("another process keeps " + path + " locked"));
  }
  EXPECT_TRUE(FileLock::Take(path, absl::ZeroDuration()).ok());
}

}  // namespace
}  // namespace btfd::store
