// SPDX-License-Identifier: Apache-2.0
#include "client/request/base_file.h"

#include <unistd.h>

#include <string>

#include "absl/time/clock.h"
#include "client/testing/testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "lib/elf/any_btf.h"
#include "lib/util/content_sample.h"

namespace btfd::client {
namespace {

using ::testing::HasSubstr;

TEST(BaseFile, ElfAndRawOfOneKernelHaveOneDigestAndSample) {
  auto elf = BaseFile::Open(testing::TestData("kernels/6.12/vmlinux"),
                            BaseCheck::kKey);
  auto raw = BaseFile::Open(testing::TestData("kernels/6.12/vmlinux.btf"),
                            BaseCheck::kKey);
  ASSERT_TRUE(elf.ok() && raw.ok());
  ASSERT_TRUE(elf->digest().ok()) << elf->digest().status();
  EXPECT_EQ(*elf->digest(), *raw->digest());
  ASSERT_TRUE(elf->key().has_value() && raw->key().has_value());
  EXPECT_EQ(elf->key()->sample(), raw->key()->sample());
  EXPECT_NE(elf->key()->notes(), raw->key()->notes()) << "vmlinux has some";
  EXPECT_EQ(*raw->digest(), util::Digest::Of(testing::ReadFile(raw->path())));
}

TEST(BaseFile, BootImageIsUnpackedWhereThatIsAskedFor) {
  const std::string vmlinuz = testing::TestData("kernels/6.12/vmlinuz");
  auto image = BaseFile::Open(vmlinuz, BaseCheck::kKey, &elf::ReadAnyBtf);
  auto raw = BaseFile::Open(testing::TestData("kernels/6.12/vmlinux.btf"),
                            BaseCheck::kKey);
  ASSERT_TRUE(image.ok() && raw.ok());
  EXPECT_FALSE(image->key().has_value()) << "who looks cannot see the BTF";
  ASSERT_TRUE(image->digest().ok()) << image->digest().status();
  EXPECT_EQ(*image->digest(), *raw->digest());
  EXPECT_TRUE(*image->bytes() == *raw->bytes());

  auto as_upstream = BaseFile::Open(vmlinuz, BaseCheck::kKey);
  ASSERT_TRUE(as_upstream.ok());
  EXPECT_THAT(std::string(as_upstream->digest().status().message()),
              HasSubstr("with btfc extract-base"));
}

TEST(BaseFile, OnTheHotPathItIsNamedByItsKeyAlone) {
  auto base = BaseFile::Open(testing::TestData("kernels/6.12/vmlinux.btf"),
                             BaseCheck::kKey);
  ASSERT_TRUE(base.ok()) << base.status();
  v1::BaseRef ref;
  ASSERT_TRUE(base->Fill(&ref).ok());
  EXPECT_TRUE(ref.has_file_key());
  EXPECT_EQ(ref.digest(), "");
  // Once the digest was needed, a request has both.
  ASSERT_TRUE(base->digest().ok());
  ASSERT_TRUE(base->Fill(&ref).ok());
  EXPECT_TRUE(ref.has_file_key());
  EXPECT_EQ(ref.digest().size(), 32u);
}

TEST(BaseFile, AFileThatChangesMeanwhileLosesItsKey) {
  const std::string path = testing::FreshDirectory() + "/base";
  testing::WriteFile(path, "\x9f\xeb first");
  absl::SleepFor(kSettled + absl::Milliseconds(50));
  auto base = BaseFile::Open(path, BaseCheck::kKey);
  ASSERT_TRUE(base.ok() && base->key().has_value());
  testing::WriteFile(path, "\x9f\xeb second");
  ASSERT_TRUE(base->digest().ok());
  EXPECT_FALSE(base->key().has_value());
  EXPECT_EQ(*base->digest(), util::Digest::Of("\x9f\xeb second"));
}

TEST(BaseFile, WhatItsPathLeadsToLaterIsAnotherFile) {
  const std::string path = testing::FreshDirectory() + "/base";
  testing::WriteFile(path + ".1", "\x9f\xeb first");
  testing::WriteFile(path + ".2", "\x9f\xeb second");
  absl::SleepFor(kSettled + absl::Milliseconds(50));
  ASSERT_EQ(symlink("base.1", path.c_str()), 0);
  auto base = BaseFile::Open(path, BaseCheck::kKey);
  ASSERT_TRUE(base.ok() && base->key().has_value());
  ASSERT_EQ(unlink(path.c_str()), 0);
  ASSERT_EQ(symlink("base.2", path.c_str()), 0);
  // Key, digest and bytes belong to the first file, so the key may be bound.
  ASSERT_TRUE(base->digest().ok());
  EXPECT_EQ(*base->digest(), util::Digest::Of("\x9f\xeb first"));
  EXPECT_EQ(*base->bytes(), "\x9f\xeb first");
  ASSERT_TRUE(base->key().has_value());
  EXPECT_EQ(base->key()->sample(), util::SampleOf("\x9f\xeb first"));
}

TEST(BaseFile, ByWishItIsAlwaysHashed) {
  auto base = BaseFile::Open(testing::TestData("kernels/6.12/vmlinux.btf"),
                             BaseCheck::kContent);
  ASSERT_TRUE(base.ok()) << base.status();
  v1::BaseRef ref;
  ASSERT_TRUE(base->Fill(&ref).ok());
  EXPECT_FALSE(ref.has_file_key());
  EXPECT_EQ(ref.digest().size(), 32u);
}

TEST(BaseFile, AMissingOneIsNamed) {
  const auto base = BaseFile::Open("/does/not/exist", BaseCheck::kKey);
  EXPECT_EQ(base.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(base.status().message()),
              HasSubstr("/does/not/exist"));
}

}  // namespace
}  // namespace btfd::client
