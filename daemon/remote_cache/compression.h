// SPDX-License-Identifier: Apache-2.0
//
// Compresses and decompresses blobs with zstd for their way over the network.
#ifndef BTFD_DAEMON_REMOTE_CACHE_COMPRESSION_H_
#define BTFD_DAEMON_REMOTE_CACHE_COMPRESSION_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace btfd::daemon::remote {

// Returns one frame. Prefers speed to size.
std::string Compress(absl::string_view bytes);
// Unpacks all frames to `out`. DataLoss unless they give exactly `size` bytes.
// Uses no more memory than that, whatever sizes the frames claim.
absl::Status Decompress(absl::string_view frames, char* out, uint64_t size);

}  // namespace btfd::daemon::remote

#endif  // BTFD_DAEMON_REMOTE_CACHE_COMPRESSION_H_
