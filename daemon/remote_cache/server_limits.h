// SPDX-License-Identifier: Apache-2.0
//
// What a cache has to know of its server: the capabilities that the server
// named.
#ifndef BTFD_DAEMON_REMOTE_CACHE_SERVER_LIMITS_H_
#define BTFD_DAEMON_REMOTE_CACHE_SERVER_LIMITS_H_

#include <cstdint>

namespace btfd::daemon::remote {

// The defaults hold until the server has answered. Every server accepts them.
struct ServerLimits {
  bool usable = true;  // it knows SHA-256
  bool update = true;  // it takes results from us
  // The size of one batch call: the blobs, and what names them. gRPC's default
  // limit for a message is 4 MiB.
  uint64_t max_batch_bytes = (uint64_t{4} << 20) - (uint64_t{64} << 10);
  bool zstd_read = false;          // ByteStream and BatchReadBlobs
  bool zstd_batch_update = false;  // BatchUpdateBlobs
};

// What a blob's name and framing take in a batch, in bytes.
inline constexpr uint64_t kBatchEntryBytes = 256;

}  // namespace btfd::daemon::remote

#endif  // BTFD_DAEMON_REMOTE_CACHE_SERVER_LIMITS_H_
