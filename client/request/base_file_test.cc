// SPDX-License-Identifier: Apache-2.0
#include "client/request/base_file.h"

#include <sys/stat.h>

#include <string>

#include "absl/time/clock.h"
#include "client/testing/testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace btfd::client {
namespace {

using ::testing::HasSubstr;

constexpr int64_t kNow = 1000000;

// A regular file, last modified and changed so many seconds before kNow.
struct stat Info(int64_t modified, int64_t changed) {
  struct stat info {};
  info.st_mode = S_IFREG | 0644;
  info.st_dev = 11;
  info.st_ino = 22;
  info.st_size = 33;
  info.st_mtim = {kNow - modified, 5};
  info.st_ctim = {kNow - changed, 6};
  return info;
}

std::optional<v1::FileKey> KeyOf(const struct stat& info) {
  return FileKeyOf(info, absl::FromUnixSeconds(kNow), "machine");
}

TEST(FileKey, HoldsWhatTellsFilesApart) {
  const auto key = KeyOf(Info(20, 10));
  ASSERT_TRUE(key.has_value());
  EXPECT_EQ(key->machine_id(), "machine");
  EXPECT_EQ(key->device(), 11u);
  EXPECT_EQ(key->inode(), 22u);
  EXPECT_EQ(key->size(), 33u);
  EXPECT_EQ(key->mtime_ns(), (kNow - 20) * 1000000000 + 5);
  EXPECT_EQ(key->ctime_ns(), (kNow - 10) * 1000000000 + 6);
}

TEST(FileKey, NoneForWhatChangedLessThanTwoSecondsAgo) {
  EXPECT_FALSE(KeyOf(Info(1, 10)).has_value());
  EXPECT_FALSE(KeyOf(Info(10, 1)).has_value());
  EXPECT_FALSE(KeyOf(Info(2, 2)).has_value()) << "by nanoseconds";
  EXPECT_TRUE(KeyOf(Info(3, 3)).has_value());
}

TEST(FileKey, NoneForTimesInTheFuture) {
  EXPECT_FALSE(KeyOf(Info(-100, 10)).has_value());
  EXPECT_FALSE(KeyOf(Info(10, -100)).has_value());
}

TEST(FileKey, NoneForPipesAndWithoutAMachine) {
  struct stat pipe = Info(20, 20);
  pipe.st_mode = S_IFIFO | 0644;
  EXPECT_FALSE(KeyOf(pipe).has_value());
  EXPECT_FALSE(
      FileKeyOf(Info(20, 20), absl::FromUnixSeconds(kNow), "").has_value());
}

TEST(BaseFile, ElfAndRawOfOneKernelHaveOneDigest) {
  auto elf = BaseFile::Open(testing::TestData("kernels/6.12/vmlinux"));
  auto raw = BaseFile::Open(testing::TestData("kernels/6.12/vmlinux.btf"));
  ASSERT_TRUE(elf.ok() && raw.ok());
  ASSERT_TRUE(elf->digest().ok()) << elf->digest().status();
  EXPECT_EQ(*elf->digest(), *raw->digest());
  EXPECT_EQ(*raw->digest(), util::Digest::Of(testing::ReadFile(raw->path())));
}

TEST(BaseFile, OnTheHotPathItIsNamedByItsKeyAlone) {
  auto base = BaseFile::Open(testing::TestData("kernels/6.12/vmlinux.btf"));
  ASSERT_TRUE(base.ok()) << base.status();
  v1::BaseRef ref;
  ASSERT_TRUE(base->Fill(&ref).ok());
  EXPECT_TRUE(ref.has_file_key());
  EXPECT_EQ(ref.digest(), "");
  // Once the digest was asked for, both go.
  ASSERT_TRUE(base->digest().ok());
  ASSERT_TRUE(base->Fill(&ref).ok());
  EXPECT_TRUE(ref.has_file_key());
  EXPECT_EQ(ref.digest().size(), 32u);
}

TEST(BaseFile, AFileThatChangesMeanwhileLosesItsKey) {
  const std::string path = testing::FreshDirectory() + "/base";
  testing::WriteFile(path, "\x9f\xeb first");
  absl::SleepFor(kSettled + absl::Milliseconds(50));
  auto base = BaseFile::Open(path);
  ASSERT_TRUE(base.ok() && base->key().has_value());
  testing::WriteFile(path, "\x9f\xeb second");
  ASSERT_TRUE(base->digest().ok());
  EXPECT_FALSE(base->key().has_value());
  EXPECT_EQ(*base->digest(), util::Digest::Of("\x9f\xeb second"));
}

TEST(BaseFile, AMissingOneIsNamed) {
  const auto base = BaseFile::Open("/does/not/exist");
  EXPECT_EQ(base.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(base.status().message()),
              HasSubstr("/does/not/exist"));
}

}  // namespace
}  // namespace btfd::client
