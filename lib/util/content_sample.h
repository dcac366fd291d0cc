// SPDX-License-Identifier: Apache-2.0
//
// A look at content that costs microseconds, however long the content is: a
// hash over its length and over pieces that are spread evenly over it, the
// first and the last bytes among them. Contents of up to kSamplePieces pieces
// are hashed whole.
//
// Two contents with different samples differ. Two with equal samples may
// differ between the pieces: of 5.4 MB, the pieces are 2.4 %. But what a
// compiler writes shifts behind a difference. A type or a name that is one byte
// longer moves all that follows, and the numbers of all later types change with
// one type more; so it takes a change that keeps each length and each number,
// such as that of one constant, to pass between the pieces.
#ifndef BTFD_LIB_UTIL_CONTENT_SAMPLE_H_
#define BTFD_LIB_UTIL_CONTENT_SAMPLE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace btfd::util {

inline constexpr size_t kSamplePieces = 32;
inline constexpr size_t kSamplePieceSize = 4096;
inline constexpr size_t kSampleSize = 16;

// kSampleSize bytes. Of equal contents they are equal, wherever the content is.
std::string SampleOf(absl::string_view content);
// The same of `size` bytes at `offset` of a file; nothing where those cannot be
// read.
std::optional<std::string> SampleOfFile(int fd, uint64_t offset, uint64_t size);

// `size` bytes at `offset` of a file, through EINTR. False if there are fewer.
bool ReadAt(int fd, uint64_t offset, char* to, size_t size);

}  // namespace btfd::util

#endif  // BTFD_LIB_UTIL_CONTENT_SAMPLE_H_
