// SPDX-License-Identifier: Apache-2.0
//
// Bytes that may be compressed, as kernels and modules are installed: plain,
// gzip (RFC 1952), xz (the .xz file format), zstd (RFC 8878), or LZ4's legacy
// frame, which is what the kernel's build makes (lz4's "Frame Format", "Legacy
// frame"). Told by the first bytes, never by a file's name.
//
// Nothing here is trusted: what comes out is bounded, and so is the memory that
// a stream may ask its decoder for (256 MiB). Functions are thread-safe.
#ifndef BTFD_LIB_ELF_COMPRESSED_H_
#define BTFD_LIB_ELF_COMPRESSED_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "lib/elf/compression.h"
#include "lib/util/file.h"

namespace btfd::elf {

struct DecompressOptions {
  // The most bytes that may come out.
  uint64_t max_output = uint64_t{1} << 30;
  // False: the input is streams of one kind, back to back, and nothing else.
  // True: it is one stream, and what follows is not looked at.
  bool allow_trailing = false;
  // Where what comes out does not start with this, decoding stops early.
  absl::string_view expected_start;
};

// Decompresses `bytes`, which start with the magic of `compression` (kNone
// copies). Errors call the input `what`, and name the offset in it:
//   InvalidArgument    damaged, cut off, wants too much memory, has something
//                      behind its end, or does not start as expected
//   ResourceExhausted  more than max_output would come out, or than there is
//                      memory for
absl::StatusOr<std::string> Decompress(Compression compression,
                                       absl::string_view bytes,
                                       absl::string_view what,
                                       const DecompressOptions& options);

// The same into bytes of their own.
absl::StatusOr<util::FileBytes> DecompressBytes(
    Compression compression, absl::string_view bytes, absl::string_view what,
    const DecompressOptions& options);

// Reads a file that may be compressed as a whole (.ko, .ko.gz, .ko.xz, .ko.zst)
// and gives the plain bytes: a map of a file that is not compressed, for which
// the options do not count. Errors as of Decompress(), or of util::OpenFile().
absl::StatusOr<util::FileBytes> ReadMaybeCompressed(
    const std::string& path, const DecompressOptions& options = {});

}  // namespace btfd::elf

#endif  // BTFD_LIB_ELF_COMPRESSED_H_
