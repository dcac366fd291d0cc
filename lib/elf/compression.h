// SPDX-License-Identifier: Apache-2.0
//
// What a file's first bytes say it is, where it is not what was asked for:
// kernels and modules come compressed, and kernels as boot images.
#ifndef BTFD_LIB_ELF_COMPRESSION_H_
#define BTFD_LIB_ELF_COMPRESSION_H_

#include <string>

#include "absl/strings/string_view.h"

namespace btfd::elf {

enum class Compression { kNone, kGzip, kXz, kZstd, kLz4Legacy };

// By the first bytes; kNone for anything else, the empty input included.
Compression CompressionOf(absl::string_view bytes);
// "gzip", "xz", "zstd", "lz4"; "no compression".
const char* CompressionName(Compression compression);

// A kernel's boot image (vmlinuz, bzImage, Image): x86's, arm64's, or the EFI
// program that unpacks one (zboot).
bool IsBootImage(absl::string_view bytes);

// For people, of a file that is no ELF file: what it is instead, and what to do
// about that, beginning with "; "; empty for what is not known here.
std::string WhatInstead(absl::string_view bytes, absl::string_view path);

}  // namespace btfd::elf

#endif  // BTFD_LIB_ELF_COMPRESSION_H_
