// SPDX-License-Identifier: Apache-2.0
//
// What a server said about itself, as far as it matters to a cache.
#ifndef BTFD_DAEMON_REMOTE_CACHE_SERVER_LIMITS_H_
#define BTFD_DAEMON_REMOTE_CACHE_SERVER_LIMITS_H_

#include <cstdint>

namespace btfd::daemon::remote {

// As it is until the server has spoken: what every server takes.
struct ServerLimits {
  bool usable = true;  // it knows SHA-256
  bool update = true;  // it takes results from us
  // Blobs of one batch call, with what names them. gRPC's own default limit of
  // a message is 4 MiB.
  uint64_t max_batch_bytes = (uint64_t{4} << 20) - (uint64_t{64} << 10);
  bool zstd_read = false;          // ByteStream and BatchReadBlobs
  bool zstd_batch_update = false;  // BatchUpdateBlobs
};

// What the name and the framing of a blob take in a batch.
inline constexpr uint64_t kBatchEntryBytes = 256;

}  // namespace btfd::daemon::remote

#endif  // BTFD_DAEMON_REMOTE_CACHE_SERVER_LIMITS_H_
