// SPDX-License-Identifier: Apache-2.0
//
// BlobName: how the Remote Execution API names a blob, by SHA-256 and size. The
// name appears in messages and in ByteStream's resource names:
//   [INSTANCE/]blobs/HASH/SIZE                      to read
//   [INSTANCE/]uploads/UUID/blobs/HASH/SIZE         to write
// If the bytes travel compressed, compressed-blobs/zstd stands in the place of
// blobs. Hash and size are always those of the bytes before compression.
#ifndef BTFD_DAEMON_REMOTE_CACHE_BLOB_NAME_H_
#define BTFD_DAEMON_REMOTE_CACHE_BLOB_NAME_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "lib/util/digest.h"
#include "proto/remote_execution.pb.h"

namespace btfd::daemon::remote {

namespace reapi = ::build::bazel::remote::execution::v2;

struct BlobName {
  util::Digest digest;
  uint64_t size = 0;

  static BlobName Of(absl::string_view bytes);
  // InvalidArgument unless `digest` has a SHA-256 in hex and a valid size.
  static absl::StatusOr<BlobName> From(const reapi::Digest& digest);
  void To(reapi::Digest* digest) const;

  // True if `bytes` have this size and this SHA-256.
  bool Names(absl::string_view bytes) const;

  std::string ResourceToRead(absl::string_view instance, bool zstd) const;
  std::string ResourceToWrite(absl::string_view instance,
                              absl::string_view uuid, bool zstd) const;

  friend bool operator==(const BlobName& a, const BlobName& b) {
    return a.digest == b.digest && a.size == b.size;
  }
  template <typename H>
  friend H AbslHashValue(H h, const BlobName& name) {
    return H::combine(std::move(h), name.digest, name.size);
  }
};

}  // namespace btfd::daemon::remote

#endif  // BTFD_DAEMON_REMOTE_CACHE_BLOB_NAME_H_
