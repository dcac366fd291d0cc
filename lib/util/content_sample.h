// SPDX-License-Identifier: Apache-2.0
//
// A sample of content, which takes microseconds however long the content is: a
// hash over its length and over pieces that are spread evenly over it, with the
// first and the last bytes. Content of up to kSamplePieces pieces is hashed
// whole.
//
// Contents with different samples differ. Contents with equal samples may still
// differ between the pieces: of 5.4 MB, the pieces are 2.4 %. But in what a
// compiler writes, a difference moves what is behind it. A type or a name that
// is one byte longer moves everything that follows, and one more type changes
// the numbers of all later types. So only a change that keeps all lengths and
// numbers, such as that of one constant, can lie between the pieces unnoticed.
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

// Returns kSampleSize bytes. Equal contents have equal samples, wherever they
// are.
std::string SampleOf(absl::string_view content);
// The same for `size` bytes at `offset` of a file; nothing if they cannot be
// read.
std::optional<std::string> SampleOfFile(int fd, uint64_t offset, uint64_t size);

// Reads `size` bytes at `offset` of a file, also after EINTR. False if there
// are fewer.
bool ReadAt(int fd, uint64_t offset, char* to, size_t size);

}  // namespace btfd::util

#endif  // BTFD_LIB_UTIL_CONTENT_SAMPLE_H_
