// SPDX-License-Identifier: Apache-2.0
#include "lib/elf/kernel_image.h"

#include <elf.h>
#include <fcntl.h>
#include <stddef.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "lib/btf/testing/builder.h"
#include "lib/elf/flat_image.h"
#include "lib/elf/testing/compress.h"
#include "lib/elf/testing/elf_builder.h"
#include "lib/util/endian.h"
#include "tests/support/testdata.h"

namespace btfd::elf {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;

const std::string kBtfBytes = std::string("\x9f\xeb\x01\0", 4) + "types";

std::string VmlinuxWith(absl::string_view section, absl::string_view content,
                        uint16_t type = ET_EXEC) {
  ElfBuilder elf;
  elf.AddSection(".text", std::string(100'000, '\x90'));
  elf.AddSection(section, content);
  std::string file = elf.Build();
  util::StoreLittleEndian<uint16_t>(&file[offsetof(Elf64_Ehdr, e_type)], type);
  return file;
}
std::string Vmlinux() { return VmlinuxWith(".BTF", kBtfBytes); }

absl::StatusOr<KernelImage> Take(absl::string_view file) {
  return KernelImageFromBytes(util::FileBytes::Copy(file), "vmlinuz");
}

std::string MessageOf(const absl::StatusOr<KernelImage>& image) {
  return std::string(image.status().message());
}

TEST(KernelImage, ElfFileIsTakenAsItIs) {
  const absl::StatusOr<KernelImage> image = Take(Vmlinux());
  ASSERT_TRUE(image.ok()) << image.status();
  EXPECT_EQ(image->btf, kBtfBytes);
  EXPECT_TRUE(image->bytes() == Vmlinux());
  EXPECT_EQ(image->origin, "an ELF file");
}

TEST(KernelImage, RawBtfIsTakenInEitherByteOrder) {
  for (const std::string& raw : {kBtfBytes, std::string("\xeb\x9f\x01\0", 4)}) {
    const absl::StatusOr<KernelImage> image = Take(raw);
    ASSERT_TRUE(image.ok()) << image.status();
    EXPECT_EQ(image->btf, raw);
    EXPECT_EQ(image->bytes(), raw);
    EXPECT_EQ(image->origin, "raw BTF");
  }
}

class PackedKernel : public ::testing::TestWithParam<Compression> {
 protected:
  std::string name() const { return CompressionName(GetParam()); }
  // As the kernel's build leaves it: all but gzip have a size appended.
  std::string Payload(absl::string_view vmlinux) const {
    std::string payload = Compress(GetParam(), vmlinux);
    if (GetParam() != Compression::kGzip) {
      char size[4];
      util::StoreLittleEndian<uint32_t>(size,
                                        static_cast<uint32_t>(vmlinux.size()));
      payload.append(size, sizeof(size));
    }
    return payload;
  }
};

INSTANTIATE_TEST_SUITE_P(All, PackedKernel,
                         ::testing::Values(Compression::kGzip, Compression::kXz,
                                           Compression::kZstd,
                                           Compression::kLz4Legacy),
                         [](const auto& info) {
                           return std::string(CompressionName(info.param));
                         });

TEST_P(PackedKernel, BzImageSaysWhereItsPayloadIs) {
  const absl::StatusOr<KernelImage> image =
      Take(MakeBzImage(Payload(Vmlinux())));
  ASSERT_TRUE(image.ok()) << image.status();
  EXPECT_EQ(image->btf, kBtfBytes);
  EXPECT_TRUE(image->bytes() == Vmlinux());
  EXPECT_EQ(
      image->origin,
      absl::StrCat("the ", name(), " payload at offset 2748 of a bzImage"));
}

TEST_P(PackedKernel, CompressedVmlinuxIsUnpacked) {
  const absl::StatusOr<KernelImage> image = Take(Payload(Vmlinux()));
  ASSERT_TRUE(image.ok()) << image.status();
  EXPECT_EQ(image->btf, kBtfBytes);
  EXPECT_EQ(image->origin, absl::StrCat(name(), " data at offset 0"));
}

TEST_P(PackedKernel, IsFoundInAForeignImageBehindChanceMagics) {
  // Such as a unified kernel image: a PE file with the bzImage somewhere in
  // it, and before that other packed files and bytes that look like such.
  const std::string file = absl::StrCat(
      "MZ some loader", "\x1f\x8b\x08", "\x28\xb5\x2f\xfd no frame ",
      Compress(Compression::kGzip, "an initramfs"), "\x02\x21\x4c\x18",
      Compress(Compression::kXz, VmlinuxWith(".no_btf", "x")));
  const absl::StatusOr<KernelImage> image = Take(file + Payload(Vmlinux()));
  ASSERT_TRUE(image.ok()) << image.status();
  EXPECT_EQ(image->btf, kBtfBytes);
  EXPECT_EQ(image->origin,
            absl::StrCat(name(), " data at offset ", file.size()));
}

TEST_P(PackedKernel, CutOffPayloadIsNamedWithItsPlace) {
  std::string payload = Payload(Vmlinux());
  payload.resize(payload.size() / 2);
  const absl::StatusOr<KernelImage> image = Take(MakeBzImage(payload));
  EXPECT_EQ(image.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(MessageOf(image),
            absl::StrCat("vmlinuz, the ", name(),
                         " payload at offset 2748 of a bzImage: the ", name(),
                         " data are cut off at offset ", payload.size()));
}

TEST_P(PackedKernel, BombStopsAtTheLimit) {
  const std::string bomb = Payload(Vmlinux() + std::string(50'000'000, '\0'));
  for (const std::string& file : {MakeBzImage(bomb), "scan " + bomb}) {
    const absl::StatusOr<KernelImage> image = KernelImageFromBytes(
        util::FileBytes::Copy(file), "vmlinuz", /*max_vmlinux=*/1'000'000);
    EXPECT_EQ(image.status().code(), absl::StatusCode::kResourceExhausted);
    EXPECT_THAT(MessageOf(image),
                HasSubstr("more than 1000000 bytes when unpacked"));
  }
}

TEST(KernelImage, KernelWithoutBtfIsSaidToBeThat) {
  const std::string vmlinux = VmlinuxWith(".data", "x");
  const absl::StatusOr<KernelImage> plain = Take(vmlinux);
  EXPECT_EQ(plain.status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(MessageOf(plain), "vmlinuz: no section .BTF");

  const absl::StatusOr<KernelImage> packed =
      Take(MakeBzImage(Compress(Compression::kZstd, vmlinux)));
  EXPECT_EQ(packed.status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(MessageOf(packed),
            "vmlinuz, the zstd payload at offset 2748 of a bzImage: "
            "no section .BTF");

  const absl::StatusOr<KernelImage> found =
      Take("loader" + Compress(Compression::kGzip, vmlinux));
  EXPECT_EQ(found.status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(MessageOf(found),
            "vmlinuz, gzip data at offset 6: no section .BTF");
}

TEST(KernelImage, ModuleIsNoBase) {
  const std::string module = VmlinuxWith(".BTF", kBtfBytes, ET_REL);
  const absl::StatusOr<KernelImage> image = Take(module);
  EXPECT_EQ(image.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(MessageOf(image),
            "vmlinuz: a module or another object file (ET_REL), not a vmlinux");
}

TEST(KernelImage, ModulesOfAnInitramfsBeforeTheKernelArePassedOver) {
  std::string file = "loader, initramfs: ";
  for (int i = 0; i < 100; ++i) {
    file += Compress(Compression::kXz, VmlinuxWith(".BTF", "\x9f\xeb", ET_REL));
  }
  const absl::StatusOr<KernelImage> image =
      Take(file + MakeBzImage(Compress(Compression::kZstd, Vmlinux())));
  ASSERT_TRUE(image.ok()) << image.status();
  EXPECT_EQ(image->btf, kBtfBytes);
}

TEST(KernelImage, SectionThatIsNoBtfIsRefused) {
  const absl::StatusOr<KernelImage> image =
      Take(VmlinuxWith(".BTF", "rubbish here"));
  EXPECT_EQ(image.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(MessageOf(image), AllOf(HasSubstr(".BTF"), HasSubstr("magic")));
}

TEST(KernelImage, PayloadBeyondTheFileIsRefused) {
  std::string file = MakeBzImage(Compress(Compression::kZstd, Vmlinux()));
  util::StoreLittleEndian<uint32_t>(&file[0x24c], 0xfffffff0u);
  const absl::StatusOr<KernelImage> image = Take(file);
  EXPECT_EQ(image.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(MessageOf(image),
            absl::StrCat("vmlinuz: a bzImage whose payload of 4294967280 bytes "
                         "at offset 2748 runs past its end at ",
                         file.size()));
}

TEST(KernelImage, OtherCompressionsAreNamed) {
  const absl::StatusOr<KernelImage> image =
      Take(MakeBzImage("BZh91AY and so on"));
  EXPECT_EQ(image.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(MessageOf(image),
            "vmlinuz: the payload at offset 2748 of this bzImage is packed "
            "with bzip2; gzip, xz, zstd and lz4 are known here");
}

TEST(KernelImage, FilesWithoutAKernelAreRefused) {
  for (const std::string& file :
       {std::string(), std::string("text"), std::string(5000, '\x1f'),
        std::string(0x24f, 'x').replace(0x202, 4, "HdrS")}) {
    const absl::StatusOr<KernelImage> image = Take(file);
    EXPECT_EQ(image.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(MessageOf(image), HasSubstr("vmlinuz: no kernel in it"));
  }
}

TEST(KernelImage, ManyChanceMagicsEndSoon) {
  std::string file;
  for (int i = 0; i < 1'000'000; ++i) file += "\x1f\x8b\x08";
  EXPECT_EQ(Take(file).status().code(), absl::StatusCode::kInvalidArgument);
}

// A kernel as it is in memory, with what looks like BTF in it, and BTF.
class FlatKernel : public ::testing::Test {
 protected:
  FlatKernel() {
    btf::testing::BtfBuilder types;
    for (int i = 0; i < 100; ++i) types.Struct(absl::StrCat("s", i), 8);
    btf_ = types.Build();
    btf::testing::BtfBuilder few;
    few.Int("int", 4);
    image_ = std::string(64, '\0');
    image_.replace(0x38, 4, "ARM\x64");
    image_ += std::string(1000, '\x90');
    image_ += std::string("\x9f\xeb\x01\0\x18\0\0\0", 8);  // by chance
    image_ += std::string(40, '\xff');
    image_ += few.Build();  // of a test, say
    image_.resize(8192);
    image_ += btf_ + std::string("\x9f\xeb\x01\0\x18", 5);
  }
  void ExpectBtf(absl::string_view file, const std::string& origin) {
    const absl::StatusOr<KernelImage> image = Take(file);
    ASSERT_TRUE(image.ok()) << image.status();
    EXPECT_TRUE(image->btf == btf_);
    EXPECT_TRUE(image->bytes() == btf_);
    EXPECT_EQ(image->origin, origin);
  }

  std::string btf_;
  std::string image_;
};

TEST_F(FlatKernel, TheBtfOfAnImageIsFoundByItsHeader) {
  ExpectBtf(image_, "BTF at offset 8192 of an arm64 Image");
  image_.replace(0x38, 4, "RSC\x05");
  ExpectBtf(image_, "BTF at offset 8192 of a RISC-V Image");
}

TEST_F(FlatKernel, PackedImagesAreUnpacked) {
  for (const Compression compression :
       {Compression::kGzip, Compression::kXz, Compression::kZstd}) {
    const std::string packed = Compress(compression, image_);
    ExpectBtf(packed, "BTF at offset 8192 of an arm64 Image");
    std::string zboot = std::string("MZ\0\0zimg", 8) + std::string(56, '\0');
    util::StoreLittleEndian<uint32_t>(&zboot[8], 64);
    util::StoreLittleEndian<uint32_t>(&zboot[12],
                                      static_cast<uint32_t>(packed.size()));
    ExpectBtf(zboot + packed + "trailing",
              "BTF at offset 8192 of an arm64 Image");
    // A payload that runs past the end is no payload.
    util::StoreLittleEndian<uint32_t>(&zboot[12], UINT32_MAX);
    EXPECT_EQ(Take(zboot + "short").status().code(),
              absl::StatusCode::kInvalidArgument);
  }
}

TEST_F(FlatKernel, WithoutBtfIsSaidToBeThat) {
  image_.resize(2000);
  const auto image = Take(image_.substr(0, 1064));
  EXPECT_EQ(image.status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(MessageOf(image), "vmlinuz: an arm64 Image without BTF");
}

// A header whose sections run past the end is none.
TEST_F(FlatKernel, CutOffBtfIsNone) {
  for (size_t length = 8192; length < 8192 + btf_.size(); ++length) {
    const auto found =
        FindBtf(absl::string_view(image_).substr(8000, length - 8000));
    EXPECT_FALSE(found.has_value()) << length;
  }
}

TEST(KernelImage, MissingFileIsNamed) {
  const absl::StatusOr<KernelImage> image = ReadKernelImage("/no/vmlinuz");
  EXPECT_EQ(image.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(MessageOf(image), HasSubstr("/no/vmlinuz"));
}

class RealKernel : public ::testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(Debian, RealKernel, ::testing::Values("6.12", "7.2"),
                         [](const auto& info) {
                           return info.param == "6.12" ? "v6_12" : "v7_2";
                         });

TEST_P(RealKernel, VmlinuzHoldsTheBtfOfItsVmlinux) {
  const absl::StatusOr<tests::Kernel> kernel = tests::FindKernel(GetParam());
  ASSERT_TRUE(kernel.ok()) << kernel.status();
  const absl::StatusOr<std::string> expected =
      util::ReadFile(kernel->vmlinux_btf);
  ASSERT_TRUE(expected.ok()) << expected.status();
  for (const char* file : {"vmlinuz", "vmlinux", "vmlinux.btf"}) {
    const absl::StatusOr<KernelImage> image =
        ReadKernelImage(absl::StrCat(kernel->directory, "/", file));
    ASSERT_TRUE(image.ok()) << image.status();
    EXPECT_TRUE(image->btf == *expected) << file;
  }
}

TEST_P(RealKernel, VmlinuzIsFoundWithoutItsHeaderToo) {
  const absl::StatusOr<tests::Kernel> kernel = tests::FindKernel(GetParam());
  ASSERT_TRUE(kernel.ok()) << kernel.status();
  absl::StatusOr<std::string> file =
      util::ReadFile(kernel->directory + "/vmlinuz");
  ASSERT_TRUE(file.ok()) << file.status();
  file->replace(0x202, 4, "none");
  const absl::StatusOr<KernelImage> image = Take(*file);
  ASSERT_TRUE(image.ok()) << image.status();
  EXPECT_TRUE(image->btf == *util::ReadFile(kernel->vmlinux_btf));
  EXPECT_THAT(image->origin, MatchesRegex("(xz|zstd|gzip|lz4) data at .*"));
}

}  // namespace
}  // namespace btfd::elf
