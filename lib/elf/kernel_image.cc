// SPDX-License-Identifier: Apache-2.0
//
// Told by its first bytes where that can be done. A bzImage says where its
// payload is, which is exact, so it goes before guessing; for all else (images
// of other boot loaders, unified kernel images) every magic of a compression in
// the file is tried in turn, as people do by hand. A magic of three to six
// bytes is found by chance as well: what does not unpack to an ELF file is
// given up after its first bytes, and the number of tries is limited.
#include "lib/elf/kernel_image.h"

#include <elf.h>
#include <fcntl.h>

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "lib/elf/compressed.h"
#include "lib/elf/flat_image.h"
#include "lib/util/endian.h"
#include "lib/util/status_macros.h"

namespace btfd::elf {
namespace {

constexpr absl::string_view kElfMagic(ELFMAG, SELFMAG);
// An image may hold an initramfs with hundreds of compressed modules.
constexpr int kMaxTries = 4096;

// boot.rst, "The Real-Mode Kernel Header".
constexpr size_t kSetupSectsAt = 0x1f1;
constexpr size_t kHeaderAt = 0x202;
constexpr size_t kVersionAt = 0x206;
constexpr size_t kPayloadOffsetAt = 0x248;
constexpr size_t kPayloadLengthAt = 0x24c;
constexpr size_t kSetupHeaderEnd = 0x250;
constexpr uint16_t kFirstVersionWithPayload = 0x0208;
constexpr uint64_t kSectorSize = 512;

bool IsRawBtf(absl::string_view bytes) {
  return absl::StartsWith(bytes, "\x9f\xeb") ||
         absl::StartsWith(bytes, "\xeb\x9f");
}

absl::StatusOr<KernelImage> FromElf(util::FileBytes bytes,
                                    const std::string& path,
                                    std::string origin) {
  KernelImage image;
  ASSIGN_OR_RETURN(
      image.vmlinux,
      ModuleFile::FromBytes(util::UniqueFd(), std::move(bytes), path));
  // Modules are ELF files with BTF as well.
  if (image.vmlinux->header().e_type == ET_REL) {
    return absl::InvalidArgumentError(absl::StrCat(
        path, ": a module or another object file (ET_REL), not a vmlinux"));
  }
  ASSIGN_OR_RETURN(image.btf, image.vmlinux->BtfContent());
  image.origin = std::move(origin);
  return image;
}

// Unpacks what lies at `offset` of `file` (up to `end`), which has to be a
// vmlinux. `origin` says what it is.
absl::StatusOr<KernelImage> Unpack(absl::string_view file, uint64_t offset,
                                   uint64_t end, const std::string& path,
                                   const std::string& origin,
                                   uint64_t max_vmlinux) {
  const absl::string_view packed = file.substr(offset, end - offset);
  DecompressOptions options;
  options.max_output = max_vmlinux;
  options.allow_trailing = true;
  options.expected_start = kElfMagic;
  const std::string name = absl::StrCat(path, ", ", origin);
  ASSIGN_OR_RETURN(
      util::FileBytes plain,
      DecompressBytes(CompressionOf(packed), packed, name, options));
  return FromElf(std::move(plain), name, origin);
}

bool IsBzImage(absl::string_view file) {
  return file.size() >= kSetupHeaderEnd &&
         file.substr(kHeaderAt, 4) == "HdrS" &&
         util::LoadLittleEndian<uint16_t>(&file[kVersionAt]) >=
             kFirstVersionWithPayload;
}

// Compressions that the kernel's build knows and this file does not.
absl::string_view UnknownCompression(absl::string_view packed) {
  if (absl::StartsWith(packed, "BZh")) return "bzip2";
  if (absl::StartsWith(packed, absl::string_view("\x5d\0\0", 3))) return "lzma";
  if (absl::StartsWith(packed, "\x89LZO")) return "lzo";
  return "something unknown";
}

absl::StatusOr<KernelImage> FromBzImage(absl::string_view file,
                                        const std::string& path,
                                        uint64_t max_vmlinux) {
  uint64_t sectors = static_cast<uint8_t>(file[kSetupSectsAt]);
  if (sectors == 0) sectors = 4;
  const uint64_t start =
      (sectors + 1) * kSectorSize +
      util::LoadLittleEndian<uint32_t>(&file[kPayloadOffsetAt]);
  const uint64_t length =
      util::LoadLittleEndian<uint32_t>(&file[kPayloadLengthAt]);
  if (start > file.size() || length > file.size() - start) {
    return absl::InvalidArgumentError(absl::StrCat(
        path, ": a bzImage whose payload of ", length, " bytes at offset ",
        start, " runs past its end at ", file.size()));
  }
  const Compression compression = CompressionOf(file.substr(start, length));
  if (compression == Compression::kNone) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": the payload at offset ", start,
                     " of this bzImage is packed with ",
                     UnknownCompression(file.substr(start, length)),
                     "; gzip, xz, zstd and lz4 are known here"));
  }
  return Unpack(file, start, start + length, path,
                absl::StrCat("the ", CompressionName(compression),
                             " payload at offset ", start, " of a bzImage"),
                max_vmlinux);
}

// The place of the next magic at or behind `from`, or npos.
size_t NextMagic(absl::string_view file, size_t from) {
  // First bytes of the four magics.
  static constexpr absl::string_view kFirst("\x1f\xfd\x28\x02", 4);
  while ((from = file.find_first_of(kFirst, from)) != absl::string_view::npos) {
    if (CompressionOf(file.substr(from)) != Compression::kNone) return from;
    ++from;
  }
  return from;
}

absl::StatusOr<KernelImage> FromScan(absl::string_view file,
                                     const std::string& path,
                                     uint64_t max_vmlinux) {
  // The error to return: of a place that did hold an ELF file, if there was
  // one; else of the file's very start; else that there is nothing.
  absl::Status error = absl::InvalidArgumentError(
      absl::StrCat(path,
                   ": no kernel in it: no ELF file, no raw BTF, and no gzip, "
                   "xz, zstd or lz4 "
                   "data that unpack to an ELF file"));
  bool found_elf = false;
  size_t at = NextMagic(file, 0);
  for (int tries = 0; at != absl::string_view::npos && tries < kMaxTries;
       ++tries, at = NextMagic(file, at + 1)) {
    absl::StatusOr<KernelImage> image =
        Unpack(file, at, file.size(), path,
               absl::StrCat(CompressionName(CompressionOf(file.substr(at))),
                            " data at offset ", at),
               max_vmlinux);
    if (image.ok() || absl::IsResourceExhausted(image.status())) return image;
    const bool is_elf = absl::IsNotFound(image.status());
    if ((is_elf && !found_elf) || (at == 0 && !found_elf)) {
      error = image.status();
      found_elf = is_elf;
    }
  }
  return error;
}

absl::StatusOr<KernelImage> FromFlatImage(absl::string_view image,
                                          const std::string& path) {
  const char* const name = FlatImageName(image);
  const std::optional<absl::string_view> btf = FindBtf(image);
  if (!btf.has_value()) {
    return absl::NotFoundError(absl::StrCat(path, ": ", name, " without BTF"));
  }
  KernelImage kernel;
  kernel.raw = util::FileBytes::Copy(*btf);
  kernel.btf = kernel.raw.view();
  kernel.origin =
      absl::StrCat("BTF at offset ", btf->data() - image.data(), " of ", name);
  return kernel;
}

// What `packed` unpacks to, if that is such an Image. Nothing if it is anything
// else, which is looked for in other ways.
std::optional<absl::StatusOr<KernelImage>> FromPackedImage(
    absl::string_view packed, const std::string& path, uint64_t max_vmlinux) {
  const Compression compression = CompressionOf(packed);
  if (compression == Compression::kNone) return std::nullopt;
  DecompressOptions options;
  options.max_output = max_vmlinux;
  options.allow_trailing = true;
  const absl::StatusOr<util::FileBytes> plain =
      DecompressBytes(compression, packed, path, options);
  if (!plain.ok() || FlatImageName(plain->view()) == nullptr) {
    return std::nullopt;
  }
  return FromFlatImage(plain->view(), path);
}

}  // namespace

absl::StatusOr<KernelImage> KernelImageFromBytes(util::FileBytes file,
                                                 const std::string& path,
                                                 uint64_t max_vmlinux) {
  if (absl::StartsWith(file.view(), kElfMagic)) {
    return FromElf(std::move(file), path, "an ELF file");
  }
  if (IsRawBtf(file.view())) {
    KernelImage image;
    image.raw = std::move(file);
    image.btf = image.raw.view();
    image.origin = "raw BTF";
    return image;
  }
  if (IsBzImage(file.view())) {
    return FromBzImage(file.view(), path, max_vmlinux);
  }
  if (FlatImageName(file.view()) != nullptr) {
    return FromFlatImage(file.view(), path);
  }
  absl::StatusOr<KernelImage> scanned =
      FromScan(file.view(), path, max_vmlinux);
  if (scanned.ok() || !absl::IsInvalidArgument(scanned.status())) {
    return scanned;
  }
  std::optional<absl::StatusOr<KernelImage>> packed = FromPackedImage(
      ZbootPayload(file.view()).value_or(file.view()), path, max_vmlinux);
  return packed.has_value() ? std::move(*packed) : std::move(scanned);
}

absl::StatusOr<KernelImage> ReadKernelImage(const std::string& path) {
  ASSIGN_OR_RETURN(util::UniqueFd fd, util::OpenFile(path, O_RDONLY));
  ASSIGN_OR_RETURN(util::FileBytes file,
                   util::FileBytes::FromFd(fd.get(), path));
  return KernelImageFromBytes(std::move(file), path);
}

}  // namespace btfd::elf
