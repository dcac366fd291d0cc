// SPDX-License-Identifier: Apache-2.0
#include "client/request/file_key.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "absl/time/clock.h"
#include "client/testing/testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "lib/util/content_sample.h"
#include "lib/util/file.h"

namespace btfd::client {
namespace {

constexpr uint32_t kExt4 = 0xef53, kTmpfs = 0x01021994, kSquashfs = 0x73717368,
                   kErofs = 0xe0f5e1e2, kIso = 0x9660, kOverlay = 0x794c7630,
                   kSysfs = 0x62656572;
constexpr uint32_t kNfs = 0x6969, kFuse = 0x65735546, k9p = 0x01021997,
                   kVfat = 0x4d44, kUnknown = 0x12345678;

const absl::Time kNow = absl::FromUnixSeconds(1000000);

// A regular file that was last modified and changed a little more than so many
// seconds before kNow, on a kernel that says which mount a file belongs to.
FileState State(uint32_t file_system_type, int64_t modified = 20,
                int64_t changed = 10) {
  FileState state;
  state.mode = S_IFREG | 0644;
  state.device = 11;
  state.inode = 22;
  state.size = 33;
  state.modified = kNow - absl::Seconds(modified) + absl::Nanoseconds(5);
  state.changed = kNow - absl::Seconds(changed) + absl::Nanoseconds(6);
  state.mount = 44;
  state.file_system_type = file_system_type;
  state.file_system_id = 55;
  return state;
}

FileState WithoutMount(FileState state) {
  state.mount.reset();
  return state;
}

FileState OfWholeSeconds(FileState state) {
  state.changed = absl::FromUnixSeconds(absl::ToUnixSeconds(state.changed));
  return state;
}

bool Tells(const FileState& state) { return TellsContentsApart(state, kNow); }

TEST(FileKey, AKernelsTimesTellUnlessTheFileChangedLessThanTwoSecondsAgo) {
  for (const uint32_t type : {kExt4, kTmpfs, kOverlay}) {
    EXPECT_TRUE(Tells(State(type)));
    EXPECT_FALSE(Tells(State(type, 1, 10)));
    EXPECT_FALSE(Tells(State(type, 10, 1)));
    EXPECT_FALSE(Tells(State(type, 2, 2))) << "by nanoseconds";
    EXPECT_TRUE(Tells(State(type, 3, 3)));
    EXPECT_FALSE(Tells(State(type, -100, 10))) << "in the future";
    EXPECT_FALSE(Tells(State(type, 10, -100))) << "in the future";
  }
}

TEST(FileKey, AnImagesTimesTellNothingButItsMountDoes) {
  for (const uint32_t type : {kSquashfs, kErofs, kIso}) {
    EXPECT_TRUE(Tells(State(type)));
    EXPECT_TRUE(Tells(OfWholeSeconds(State(type))));
    EXPECT_TRUE(Tells(State(type, -100, -100)));
    EXPECT_FALSE(Tells(WithoutMount(State(type))));
  }
}

TEST(FileKey, WithoutAMountATimeOfWholeSecondsIsNoKernels) {
  EXPECT_TRUE(Tells(OfWholeSeconds(State(kExt4))));
  EXPECT_TRUE(Tells(WithoutMount(State(kExt4))));
  EXPECT_FALSE(Tells(WithoutMount(OfWholeSeconds(State(kExt4)))));
}

TEST(FileKey, BelowAnOverlayMayBeAnything) {
  EXPECT_FALSE(Tells(OfWholeSeconds(State(kOverlay))));
  EXPECT_FALSE(Tells(WithoutMount(State(kOverlay))));
}

TEST(FileKey, OtherFileSystemsAreNotBelieved) {
  for (const uint32_t type : {kNfs, kFuse, k9p, kVfat, kUnknown}) {
    EXPECT_FALSE(Tells(State(type))) << type;
  }
}

TEST(FileKey, TheRunningKernelsBtfIsThatOfTheBoot) {
  EXPECT_TRUE(Tells(WithoutMount(State(kSysfs, -100, 0))));
}

TEST(FileKey, NoneForPipesAndWhatSomebodyWrites) {
  FileState pipe = State(kExt4);
  pipe.mode = S_IFIFO | 0644;
  EXPECT_FALSE(Tells(pipe));
  FileState open = State(kExt4);
  open.may_be_written_now = true;
  EXPECT_FALSE(Tells(open));
}

class OpenFileKey : public ::testing::Test {
 protected:
  OpenFileKey() : path_(testing::FreshDirectory() + "/base") {
    testing::WriteFile(path_, std::string("\x9f\xeb\x01 content", 11));
    fd_ = *util::OpenFile(path_, O_RDONLY);
  }

  FileState Now() const { return StateOf(fd_.get()); }
  // The key for a state that has settled, on a known file system.
  std::optional<v1::FileKey> Key(absl::string_view boot = "boot") const {
    FileState state = State(kExt4);
    state.size = Now().size;
    return FileKeyOf(fd_.get(), state, kNow, boot);
  }

  const std::string path_;
  util::UniqueFd fd_;
};

TEST_F(OpenFileKey, TheStateIsWhatStatSays) {
  struct stat info;
  ASSERT_EQ(fstat(fd_.get(), &info), 0);
  const FileState state = Now();
  EXPECT_EQ(state.mode, info.st_mode);
  EXPECT_EQ(state.device, info.st_dev);
  EXPECT_EQ(state.inode, info.st_ino);
  EXPECT_EQ(state.size, static_cast<uint64_t>(info.st_size));
  EXPECT_EQ(state.modified, absl::TimeFromTimespec(info.st_mtim));
  EXPECT_EQ(state.changed, absl::TimeFromTimespec(info.st_ctim));
  EXPECT_NE(state.file_system_type, 0u);
  EXPECT_TRUE(Now() == state);
}

TEST_F(OpenFileKey, ItHoldsTheStateAndALookAtTheContent) {
  const auto key = Key();
  ASSERT_TRUE(key.has_value());
  EXPECT_EQ(key->boot_id(), "boot");
  EXPECT_EQ(key->mount(), 44u);
  EXPECT_EQ(key->file_system_type(), kExt4);
  EXPECT_EQ(key->file_system_id(), 55u);
  EXPECT_EQ(key->device(), 11u);
  EXPECT_EQ(key->inode(), 22u);
  EXPECT_EQ(key->size(), 11u);
  EXPECT_EQ(key->mtime_ns(), (1000000 - 20) * int64_t{1000000000} + 5);
  EXPECT_EQ(key->ctime_ns(), (1000000 - 10) * int64_t{1000000000} + 6);
  EXPECT_EQ(key->notes(), util::SampleOf(""));
  EXPECT_EQ(key->sample(), util::SampleOf(testing::ReadFile(path_)));
  EXPECT_FALSE(Key("").has_value()) << "without a boot id";
}

TEST_F(OpenFileKey, AChangeThatLeavesAllTimesAloneIsSeenInTheContent) {
  const auto before = Key();
  ASSERT_EQ(pwrite(open(path_.c_str(), O_WRONLY), "C", 1, 4), 1);
  const auto after = Key();
  ASSERT_TRUE(before.has_value() && after.has_value());
  EXPECT_NE(before->sample(), after->sample());
}

TEST_F(OpenFileKey, WhatIsNoBtfHasNone) {
  testing::WriteFile(path_, "no BTF at all");
  EXPECT_FALSE(Key().has_value());
}

TEST_F(OpenFileKey, ASharedMappingIsSeenWhileItIsThere) {
  if (Now().file_system_type != kExt4 && Now().file_system_type != kTmpfs) {
    GTEST_SKIP() << "the scratch directory is on another file system";
  }
  EXPECT_FALSE(Now().may_be_written_now);
  util::UniqueFd writer = *util::OpenFile(path_, O_RDWR);
  EXPECT_TRUE(Now().may_be_written_now);
  void* const map =
      mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, writer.get(), 0);
  ASSERT_NE(map, MAP_FAILED);
  writer.Reset();
  EXPECT_TRUE(Now().may_be_written_now) << "the mapping is enough";
  munmap(map, 4096);
  EXPECT_FALSE(Now().may_be_written_now);
}

TEST(BootId, ItIsThisMachines) {
  EXPECT_THAT(BootId(), ::testing::SizeIs(36));
  EXPECT_EQ(BootId(), BootId());
}

}  // namespace
}  // namespace btfd::client
