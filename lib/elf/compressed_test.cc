// SPDX-License-Identifier: Apache-2.0
#include "lib/elf/compressed.h"

#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "lib/elf/module_file.h"
#include "lib/elf/testing/compress.h"
#include "tests/support/testdata.h"

namespace btfd::elf {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// What a module is like: neither constant nor random, more than one 8 MiB
// block of LZ4, and more than every first buffer.
std::string Sample() {
  std::string sample;
  uint32_t state = 1;
  while (sample.size() < 9'000'000) {
    state = state * 1664525 + 1013904223;
    absl::StrAppend(&sample, "type ", state >> 20, " of struct sk_buff; ");
  }
  return sample;
}

std::string WriteScratch(const std::string& name, absl::string_view bytes) {
  const std::string path = ::testing::TempDir() + "/" + name;
  std::ofstream(path, std::ios::binary) << bytes;
  return path;
}

// VmHWM, the most memory that this process has had, in bytes.
uint64_t PeakMemory() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    if (word != "VmHWM:") continue;
    uint64_t kilobytes = 0;
    status >> kilobytes;
    return kilobytes * 1024;
  }
  return 0;
}
// Makes it what the process has now (proc(5), clear_refs), and returns that.
uint64_t ResetPeakMemory() {
  std::ofstream("/proc/self/clear_refs") << "5";
  return PeakMemory();
}

absl::StatusOr<std::string> Unpack(absl::string_view bytes,
                                   DecompressOptions options = {}) {
  return Decompress(CompressionOf(bytes), bytes, "m.ko.z", options);
}

class EveryCompression : public ::testing::TestWithParam<Compression> {
 protected:
  std::string Packed(absl::string_view bytes) const {
    return Compress(GetParam(), bytes);
  }
  std::string name() const { return CompressionName(GetParam()); }
};

INSTANTIATE_TEST_SUITE_P(All, EveryCompression,
                         ::testing::Values(Compression::kGzip, Compression::kXz,
                                           Compression::kZstd,
                                           Compression::kLz4Legacy),
                         [](const auto& info) {
                           return std::string(CompressionName(info.param));
                         });

TEST_P(EveryCompression, IsToldByItsMagic) {
  EXPECT_EQ(CompressionOf(Packed("x")), GetParam());
}

TEST_P(EveryCompression, GivesBackWhatWentIn) {
  const std::string sample = Sample();
  const absl::StatusOr<std::string> plain = Unpack(Packed(sample));
  ASSERT_TRUE(plain.ok()) << plain.status();
  EXPECT_TRUE(*plain == sample);
}

TEST_P(EveryCompression, StreamsBackToBackAreOneFile) {
  const absl::StatusOr<std::string> plain =
      Unpack(absl::StrCat(Packed("one "), Packed("two")));
  ASSERT_TRUE(plain.ok()) << plain.status();
  EXPECT_EQ(*plain, "one two");
}

TEST_P(EveryCompression, ExactlyTheLimitFits) {
  const std::string sample = Sample();
  DecompressOptions options;
  options.max_output = sample.size();
  const absl::StatusOr<std::string> plain = Unpack(Packed(sample), options);
  ASSERT_TRUE(plain.ok()) << plain.status();
  EXPECT_TRUE(*plain == sample);
}

TEST_P(EveryCompression, OneByteMoreThanTheLimitDoesNot) {
  const std::string sample = Sample();
  DecompressOptions options;
  options.max_output = sample.size() - 1;
  const absl::Status status = Unpack(Packed(sample), options).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(status.message(),
            absl::StrCat("m.ko.z: more than ", sample.size() - 1,
                         " bytes when unpacked"));
}

TEST_P(EveryCompression, BombTakesNoMoreMemoryThanTheLimit) {
  const std::string bomb = Packed(std::string(size_t{300} << 20, '\0'));
  DecompressOptions options;
  options.max_output = 10'000'000;
  const uint64_t before = ResetPeakMemory();
  EXPECT_EQ(Unpack(bomb, options).status().code(),
            absl::StatusCode::kResourceExhausted);
  // Output while it grows, and the decoder's window.
  EXPECT_LT(PeakMemory() - before, uint64_t{40} << 20);
}

TEST_P(EveryCompression, CutOffAnywhereIsSaidWithTheOffset) {
  const std::string packed = Packed(Sample());
  for (const size_t size : {packed.size() - 1, packed.size() / 2, size_t{30}}) {
    const absl::Status status =
        Unpack(absl::string_view(packed).substr(0, size)).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << size;
    EXPECT_EQ(status.message(),
              absl::StrCat("m.ko.z: the ", name(),
                           " data are cut off at offset ", size));
  }
}

TEST_P(EveryCompression, DamageIsNamedWithAnOffset) {
  std::string packed = Packed(Sample());
  // A run of ones: no stream here survives that.
  packed.replace(packed.size() / 2, 64, std::string(64, '\xff'));
  const absl::Status status = Unpack(packed).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(
      std::string(status.message()),
      AllOf(StartsWith("m.ko.z: "), HasSubstr(name()), HasSubstr("offset ")));
}

TEST_P(EveryCompression, EveryDamagedByteEndsInAnAnswer) {
  const std::string packed = Packed("split BTF refers to types of vmlinux");
  DecompressOptions options;
  options.max_output = 1 << 20;
  for (size_t i = 0; i < packed.size(); ++i) {
    for (const unsigned bit : {0x01u, 0x80u}) {
      std::string damaged = packed;
      damaged[i] = static_cast<char>(damaged[i] ^ bit);
      const absl::StatusOr<std::string> plain =
          Decompress(GetParam(), damaged, "m.ko.z", options);
      if (plain.ok()) continue;  // a time stamp, say
      EXPECT_THAT(std::string(plain.status().message()),
                  StartsWith("m.ko.z: "));
    }
  }
}

TEST_P(EveryCompression, WhatLiesBehindTheEndIsAnError) {
  const std::string packed = Packed("module");
  const absl::Status status = Unpack(packed + "\xff\xff\xff\xff!").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(status.message(),
            absl::StrCat("m.ko.z: 5 bytes behind the end of the ", name(),
                         " data, at offset ", packed.size()));
}

TEST_P(EveryCompression, WhatLiesBehindTheEndIsPassedOverOnRequest) {
  DecompressOptions options;
  options.allow_trailing = true;
  const absl::StatusOr<std::string> plain =
      Unpack(Packed("vmlinux") + "\xff\xff\xff\xff!", options);
  ASSERT_TRUE(plain.ok()) << plain.status();
  EXPECT_EQ(*plain, "vmlinux");
}

TEST_P(EveryCompression, StopsWhereTheStartIsNotTheExpectedOne) {
  DecompressOptions options;
  options.expected_start =
      "\x7f"
      "ELF";
  const absl::Status status = Unpack(Packed(Sample()), options).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(status.message(),
            absl::StrCat("m.ko.z: what the ", name(),
                         " data unpack to is something else"));
}

TEST_P(EveryCompression, RealModuleIsReadAsIfItWerePlain) {
  const absl::StatusOr<tests::Kernel> kernel = tests::FindKernel("6.12");
  ASSERT_TRUE(kernel.ok()) << kernel.status();
  const std::string path =
      tests::ModulesNamed(kernel->modules, {"nf_conntrack"}).at(0);
  const absl::StatusOr<util::FileBytes> plain = ReadMaybeCompressed(path);
  ASSERT_TRUE(plain.ok()) << plain.status();

  const std::string packed =
      WriteScratch("nf_conntrack.ko." + name(), Packed(plain->view()));
  absl::StatusOr<util::FileBytes> unpacked = ReadMaybeCompressed(packed);
  ASSERT_TRUE(unpacked.ok()) << unpacked.status();
  EXPECT_TRUE(unpacked->view() == plain->view());

  const absl::StatusOr<ModuleFile> module =
      ModuleFile::FromBytes(util::UniqueFd(), *std::move(unpacked), packed);
  ASSERT_TRUE(module.ok()) << module.status();
  EXPECT_TRUE(module->BtfContent().ok());
  EXPECT_TRUE(module->has_ids());
}

TEST(CompressionOf, AnythingElseIsNotCompressed) {
  for (const absl::string_view plain : {absl::string_view(),
                                        absl::string_view("\x7f"
                                                          "ELF"),
                                        absl::string_view("\x1f"),
                                        absl::string_view("\xfd"
                                                          "7zXY\0",
                                                          6)}) {
    EXPECT_EQ(CompressionOf(plain), Compression::kNone);
  }
}

TEST(Decompress, WithoutCompressionStillMindsTheLimit) {
  DecompressOptions options;
  options.max_output = 3;
  EXPECT_EQ(*Unpack("abc", options), "abc");
  EXPECT_EQ(Unpack("abcd", options).status().code(),
            absl::StatusCode::kResourceExhausted);
}

TEST(Decompress, KernelsLz4PayloadEndsInItsUnpackedSize) {
  // scripts/Makefile.lib appends it to all payloads but gzip's.
  const std::string packed = Compress(Compression::kLz4Legacy, "vmlinux");
  DecompressOptions options;
  options.allow_trailing = true;
  const absl::StatusOr<std::string> plain =
      Unpack(packed + std::string("\x07\0\0\0", 4), options);
  ASSERT_TRUE(plain.ok()) << plain.status();
  EXPECT_EQ(*plain, "vmlinux");
}

TEST(ReadMaybeCompressed, MissingFileIsNamed) {
  const absl::Status status = ReadMaybeCompressed("/no/such.ko.xz").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), HasSubstr("/no/such.ko.xz"));
}

TEST(ReadMaybeCompressed, ErrorsNameTheFile) {
  const std::string packed = Compress(Compression::kXz, Sample());
  const std::string path =
      WriteScratch("cut.ko.xz", absl::string_view(packed).substr(0, 500));
  const absl::Status status = ReadMaybeCompressed(path).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(status.message(),
            absl::StrCat(path, ": the xz data are cut off at offset 500"));
}

}  // namespace
}  // namespace btfd::elf
