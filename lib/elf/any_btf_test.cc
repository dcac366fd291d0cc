// SPDX-License-Identifier: Apache-2.0
#include "lib/elf/any_btf.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "lib/elf/testing/compress.h"
#include "lib/elf/testing/elf_builder.h"
#include "tests/support/process.h"
#include "tests/support/testdata.h"

namespace btfd::elf {
namespace {

using ::testing::HasSubstr;

const std::string kBtfBytes = std::string("\x9f\xeb\x01\0", 4) + "types";
const std::string kBaseBytes = std::string("\x9f\xeb\x01\0", 4) + "base";

std::string Module() {
  ElfBuilder elf;
  elf.AddSection(".text", std::string(1'000, '\x90'));
  elf.AddSection(".BTF", kBtfBytes);
  elf.AddSection(".BTF.base", kBaseBytes);
  return elf.Build();
}

absl::StatusOr<BtfSource> Read(absl::string_view bytes) {
  return AnyBtfFromBytes(util::FileBytes::Copy(bytes), "file");
}

TEST(AnyBtf, ModulesAndRawBtfComePlainOrCompressed) {
  for (const Compression compression :
       {Compression::kNone, Compression::kGzip, Compression::kXz,
        Compression::kZstd, Compression::kLz4Legacy}) {
    const auto packed = [compression](const std::string& bytes) {
      return compression == Compression::kNone ? bytes
                                               : Compress(compression, bytes);
    };
    const auto module = Read(packed(Module()));
    ASSERT_TRUE(module.ok()) << module.status();
    EXPECT_EQ(module->btf, kBtfBytes);
    EXPECT_EQ(module->btf_base, kBaseBytes);
    ASSERT_TRUE(module->file.has_value());

    const auto raw = Read(packed(kBtfBytes));
    ASSERT_TRUE(raw.ok()) << raw.status();
    EXPECT_EQ(raw->btf, kBtfBytes);
    EXPECT_FALSE(raw->btf_base.has_value());
    EXPECT_FALSE(raw->file.has_value());
  }
}

TEST(AnyBtf, BootImageGivesTheBtfOfItsVmlinux) {
  const std::string kernel = tests::TestdataRoot() + "/kernels/6.12";
  const auto source = ReadAnyBtf(kernel + "/vmlinuz");
  ASSERT_TRUE(source.ok()) << source.status();
  EXPECT_TRUE(source->btf == tests::ReadFileOrEmpty(kernel + "/vmlinux.btf"));
}

TEST(AnyBtf, ErrorsNameTheFile) {
  EXPECT_THAT(std::string(Read("text").status().message()),
              HasSubstr("file: no kernel in it"));
  std::string damaged = Compress(Compression::kXz, Module());
  damaged.resize(damaged.size() / 2);
  EXPECT_THAT(std::string(Read(damaged).status().message()),
              HasSubstr("file: "));
  EXPECT_EQ(Read(ElfBuilder().Build()).status().code(),
            absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(ReadAnyBtf("/no/such/file").status().message()),
              HasSubstr("/no/such/file"));
  EXPECT_EQ(ReadAnyBtf("/dev/null").status().code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace btfd::elf
