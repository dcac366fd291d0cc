// SPDX-License-Identifier: Apache-2.0
//
// The format in which the index of a base travels. The index is cut into parts,
// and each part is a blob, so that parts are fetched, checked and unpacked at
// the same time. A part consists of blocks that are compressed with LZ4,
// because on a fast line the largest costs are sending and hashing the bytes. A
// part is a PartHeader and the blocks of its share of the index, in host byte
// order. (The Action's name contains the byte order.) Before each block stands
// one word:
//   uint32_t   kind of packing << 24 | number of bytes that follow
#ifndef BTFD_DAEMON_REMOTE_CACHE_PACKED_INDEX_H_
#define BTFD_DAEMON_REMOTE_CACHE_PACKED_INDEX_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "lib/util/blob.h"

namespace btfd::daemon::remote {

inline constexpr size_t kPackedParts = 4;
// Raise it with any change of the format.
inline constexpr uint32_t kPackingVersion = 1;

// Returns the parts of an index, in order. It prefers small output to speed,
// because one host does it for all.
std::vector<std::string> PackIndex(absl::string_view index);

// Rebuilds an index from its parts. It checks everything that the parts claim.
// Thread-safe.
class IndexUnpacker {
 public:
  explicit IndexUnpacker(uint64_t max_bytes) : max_bytes_(max_bytes) {}

  // Adds a part. Parts may come in any order, each once. DataLoss if the bytes
  // are no valid part. Precondition: part < kPackedParts.
  absl::Status Add(size_t part, absl::string_view packed);

  // Returns the index. May be called once. Precondition: all parts were added
  // without an error.
  util::Blob Take();

 private:
  // Allocates the memory for the index. DataLoss if two parts give it different
  // sizes.
  absl::Status Place(uint64_t index_bytes, char** bytes);

  const uint64_t max_bytes_;
  absl::Mutex mutex_;
  bool placed_ ABSL_GUARDED_BY(mutex_) = false;
  util::Blob index_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace btfd::daemon::remote

#endif  // BTFD_DAEMON_REMOTE_CACHE_PACKED_INDEX_H_
