// SPDX-License-Identifier: Apache-2.0
#include "daemon/remote_cache/compression.h"

#include <zstd.h>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace btfd::daemon::remote {

namespace {
constexpr int kLevel = 1;
}

std::string Compress(absl::string_view bytes) {
  std::string frame(ZSTD_compressBound(bytes.size()), '\0');
  const size_t size = ZSTD_compress(&frame[0], frame.size(), bytes.data(),
                                    bytes.size(), kLevel);
  // There is room enough, so only a lack of memory can fail. The caller then
  // gets an empty frame, which does not unpack to any blob.
  frame.resize(ZSTD_isError(size) ? 0 : size);
  return frame;
}

absl::Status Decompress(absl::string_view frames, char* out, uint64_t size) {
  const size_t got = ZSTD_decompress(out, size, frames.data(), frames.size());
  if (!ZSTD_isError(got) && got == size) return absl::OkStatus();
  return absl::DataLossError(
      absl::StrCat("zstd: ", ZSTD_isError(got) ? ZSTD_getErrorName(got)
                                               : "fewer bytes than said"));
}

}  // namespace btfd::daemon::remote
