// SPDX-License-Identifier: Apache-2.0
#include "lib/elf/compression.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace btfd::elf {
namespace {

using ::testing::HasSubstr;

// `what` at `offset` of a kilobyte of zeros.
std::string At(size_t offset, const std::string& what) {
  std::string bytes(1024, '\0');
  return bytes.replace(offset, what.size(), what);
}

TEST(BootImage, IsKnownOnX86AndArm64) {
  EXPECT_TRUE(IsBootImage(At(0x202, "HdrS")));
  EXPECT_TRUE(IsBootImage(At(0x38, "ARM\x64")));
  EXPECT_TRUE(IsBootImage("MZ" + std::string(2, '\0') + "zimg"));
  EXPECT_FALSE(IsBootImage("MZ"));
  EXPECT_FALSE(IsBootImage(At(0x203, "HdrS")));
  EXPECT_FALSE(IsBootImage(""));
}

TEST(WhatInstead, NamesWhatItIsAndWhatToDo) {
  EXPECT_THAT(WhatInstead(At(0x202, "HdrS"), "/boot/vmlinuz"),
              HasSubstr("boot image: take the vmlinux out of it with btfc "
                        "extract-base /boot/vmlinuz -o vmlinux"));
  EXPECT_THAT(WhatInstead("\x28\xb5\x2f\xfd", "m.ko.zst"),
              HasSubstr("compressed with zstd: unpack it first"));
  EXPECT_EQ(WhatInstead("text", "x"), "");
}

}  // namespace
}  // namespace btfd::elf
