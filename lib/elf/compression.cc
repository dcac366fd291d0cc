// SPDX-License-Identifier: Apache-2.0
//
// Sources of the boot images' formats: Linux Documentation/arch/x86/boot.rst
// (header), Documentation/arch/arm64/booting.rst (magic), and
// drivers/firmware/efi/libstub/zboot-header.S.
#include "lib/elf/compression.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace btfd::elf {

namespace {

constexpr absl::string_view kGzipMagic("\x1f\x8b\x08", 3);
constexpr absl::string_view kXzMagic(
    "\xfd"
    "7zXZ\0",
    6);
constexpr absl::string_view kZstdMagic("\x28\xb5\x2f\xfd", 4);
constexpr absl::string_view kLz4LegacyMagic("\x02\x21\x4c\x18", 4);

bool HasAt(absl::string_view bytes, size_t offset, absl::string_view what) {
  return bytes.size() >= offset + what.size() &&
         bytes.substr(offset, what.size()) == what;
}

}  // namespace

Compression CompressionOf(absl::string_view bytes) {
  if (absl::StartsWith(bytes, kGzipMagic)) return Compression::kGzip;
  if (absl::StartsWith(bytes, kXzMagic)) return Compression::kXz;
  if (absl::StartsWith(bytes, kZstdMagic)) return Compression::kZstd;
  if (absl::StartsWith(bytes, kLz4LegacyMagic)) return Compression::kLz4Legacy;
  return Compression::kNone;
}

const char* CompressionName(Compression compression) {
  switch (compression) {
    case Compression::kGzip:
      return "gzip";
    case Compression::kXz:
      return "xz";
    case Compression::kZstd:
      return "zstd";
    case Compression::kLz4Legacy:
      return "lz4";
    case Compression::kNone:
      break;
  }
  return "no compression";
}

bool IsBootImage(absl::string_view bytes) {
  return HasAt(bytes, 0x202, "HdrS") || HasAt(bytes, 0x38, "ARM\x64") ||
         (HasAt(bytes, 0, "MZ") && HasAt(bytes, 4, "zimg"));
}

std::string WhatInstead(absl::string_view bytes, absl::string_view path) {
  if (IsBootImage(bytes)) {
    return absl::StrCat(
        "; it is a kernel's boot image: take the vmlinux out of "
        "it with btfc extract-base ",
        path, " -o vmlinux");
  }
  const Compression compression = CompressionOf(bytes);
  if (compression == Compression::kNone) return "";
  return absl::StrCat("; it is compressed with ", CompressionName(compression),
                      ": unpack it first (a module is finalized before that, "
                      "a kernel unpacked by btfc extract-base)");
}

}  // namespace btfd::elf
