// SPDX-License-Identifier: Apache-2.0
//
// How the index of a base travels: cut into parts, each a blob of its own, so
// that they are fetched, checked and unpacked side by side; each part in
// blocks, packed with LZ4, since on a fast line what costs most is to send the
// bytes and to hash them. A part is, in host byte order (which the Action's
// name tells), a PartHeader and the blocks of its share of the index:
//   uint32_t   how it is packed << 24 | bytes that follow
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

// The parts of an index, in order. Takes a while: what packs well is preferred
// to what packs fast, since one host does it for all.
std::vector<std::string> PackIndex(absl::string_view index);

// Puts an index together again; nothing in the parts is believed. Thread-safe.
class IndexUnpacker {
 public:
  explicit IndexUnpacker(uint64_t max_bytes) : max_bytes_(max_bytes) {}

  // Parts come in any order, each once. DataLoss if it is none.
  // Precondition: part < kPackedParts.
  absl::Status Add(size_t part, absl::string_view packed);

  // Precondition: all parts were added, and were good; once.
  util::Blob Take();

 private:
  // Where the index goes; DataLoss if parts differ about its size.
  absl::Status Place(uint64_t index_bytes, char** bytes);

  const uint64_t max_bytes_;
  absl::Mutex mutex_;
  bool placed_ ABSL_GUARDED_BY(mutex_) = false;
  util::Blob index_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace btfd::daemon::remote

#endif  // BTFD_DAEMON_REMOTE_CACHE_PACKED_INDEX_H_
