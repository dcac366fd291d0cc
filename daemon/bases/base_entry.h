// SPDX-License-Identifier: Apache-2.0
//
// What the daemon keeps of one base. The registry makes the entries, and
// SharedBases confirms them; no other class uses them.
#ifndef BTFD_DAEMON_BASES_BASE_ENTRY_H_
#define BTFD_DAEMON_BASES_BASE_ENTRY_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "lib/btf/base.h"
#include "lib/btf/dedup_index.h"
#include "lib/engine/pipeline.h"
#include "lib/util/digest.h"

namespace btfd::daemon {

// Each blob contains its own version, so the store needs only one for all.
inline constexpr uint32_t kIndexVersion = engine::kEngineVersion;

// The beginning of a digest, for messages.
inline std::string ShortName(const util::Digest& digest) {
  return digest.hex().substr(0, 12);
}

struct BaseEntry {
  explicit BaseEntry(const util::Digest& d) : digest(d) {}

  const util::Digest digest;

  // Set once, under `making`. Once `resident` is set it is read without the
  // lock.
  absl::Mutex making;
  std::shared_ptr<const btf::Base> base;
  std::string origin;
  // The sample of the base's raw bytes. If these are in the store only, it is
  // set later, under `making`.
  std::string sample;
  uint64_t raw_bytes = 0;
  absl::Duration indexed_in = absl::InfiniteDuration();  // if it was here
  std::atomic<bool> resident{false};

  // `dedup` is set once, under `making_dedup`. Once `dedup_ready` is set it is
  // read without the lock.
  absl::Mutex making_dedup;
  std::shared_ptr<const btf::DedupIndex> dedup;
  std::atomic<bool> dedup_ready{false};

  std::atomic<uint64_t> bytes{0};
  std::atomic<uint64_t> requests{0};
  std::atomic<int64_t> last_used_ns{0};
  std::atomic<int64_t> last_touch_ns{0};
  std::atomic<bool> removed{false};
};

}  // namespace btfd::daemon

#endif  // BTFD_DAEMON_BASES_BASE_ENTRY_H_
