// SPDX-License-Identifier: Apache-2.0
//
// What the registry knows of one base; for the registry's own files.
#ifndef BTFD_DAEMON_BASES_REGISTRY_ENTRY_H_
#define BTFD_DAEMON_BASES_REGISTRY_ENTRY_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "daemon/bases/registry.h"
#include "lib/engine/pipeline.h"

namespace btfd::daemon {

// The blobs know their own versions; the store need not tell them apart.
inline constexpr uint32_t kIndexVersion = engine::kEngineVersion;

inline std::string ShortName(const util::Digest& digest) {
  return digest.hex().substr(0, 12);
}

struct BaseRegistry::Entry {
  explicit Entry(const util::Digest& d) : digest(d) {}

  const util::Digest digest;

  // Set once, under `making`; read without it once `resident` says so.
  absl::Mutex making;
  std::shared_ptr<const btf::Base> base;
  std::string origin;
  uint64_t raw_bytes = 0;
  absl::Duration indexed_in = absl::InfiniteDuration();  // if it was here
  std::atomic<bool> resident{false};

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

#endif  // BTFD_DAEMON_BASES_REGISTRY_ENTRY_H_
