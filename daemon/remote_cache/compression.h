// SPDX-License-Identifier: Apache-2.0
//
// zstd, as blobs travel.
#ifndef BTFD_DAEMON_REMOTE_CACHE_COMPRESSION_H_
#define BTFD_DAEMON_REMOTE_CACHE_COMPRESSION_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace btfd::daemon::remote {

// One frame; fast rather than small.
std::string Compress(absl::string_view bytes);
// All frames together must give exactly `size` bytes, else DataLoss. Takes no
// more memory than that, whatever the frames say.
absl::Status Decompress(absl::string_view frames, char* out, uint64_t size);

}  // namespace btfd::daemon::remote

#endif  // BTFD_DAEMON_REMOTE_CACHE_COMPRESSION_H_
