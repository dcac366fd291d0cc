// SPDX-License-Identifier: Apache-2.0
#include "lib/util/content_sample.h"

#include <errno.h>
#include <unistd.h>

// A state that need not be on the heap is not in the library's interface.
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>

#include "absl/functional/function_ref.h"

namespace btfd::util {

namespace {

// Gives `size` bytes at `offset`, valid until the next call; null if there are
// none.
using Reader = absl::FunctionRef<const char*(uint64_t offset, size_t size)>;

std::optional<std::string> Sample(uint64_t size, Reader read) {
  XXH3_state_t state;
  XXH3_128bits_reset(&state);
  const bool is_short = size <= kSamplePieces * kSamplePieceSize;
  for (uint64_t i = 0; i < kSamplePieces; ++i) {
    // A long content's first piece is its beginning, the last one its end.
    const uint64_t from =
        is_short ? i * kSamplePieceSize
                 : i * (size - kSamplePieceSize) / (kSamplePieces - 1);
    if (from >= size) break;
    const size_t length = std::min<uint64_t>(kSamplePieceSize, size - from);
    const char* const piece = read(from, length);
    if (piece == nullptr) return std::nullopt;
    XXH3_128bits_update(&state, piece, length);
  }
  // The pieces of two lengths could be alike.
  XXH3_128bits_update(&state, &size, sizeof(size));
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(&state));
  return std::string(reinterpret_cast<const char*>(canonical.digest),
                     sizeof(canonical.digest));
}

}  // namespace

bool ReadAt(int fd, uint64_t offset, char* to, size_t size) {
  while (size > 0) {
    const ssize_t n = pread(fd, to, size, static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    to += n;
    offset += n;
    size -= n;
  }
  return true;
}

std::string SampleOf(absl::string_view content) {
  return *Sample(content.size(), [content](uint64_t offset, size_t) {
    return content.data() + offset;
  });
}

std::optional<std::string> SampleOfFile(int fd, uint64_t offset,
                                        uint64_t size) {
  char piece[kSamplePieceSize];
  return Sample(size, [&](uint64_t from, size_t length) -> const char* {
    return ReadAt(fd, offset + from, piece, length) ? piece : nullptr;
  });
}

}  // namespace btfd::util
