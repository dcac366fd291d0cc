// SPDX-License-Identifier: Apache-2.0
//
// How long things took, as a histogram of Prometheus has it.
#ifndef BTFD_DAEMON_METRICS_LATENCY_H_
#define BTFD_DAEMON_METRICS_LATENCY_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "absl/time/time.h"

namespace btfd::daemon {

// Upper bounds of the buckets, in seconds; one more takes the rest. A small
// module takes a tenth of a millisecond, amdgpu a tenth of a second.
inline constexpr double kLatencyBounds[] = {
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01,
    0.025,  0.05,    0.1,    0.25,  0.5,    1,     5};
inline constexpr size_t kLatencyBuckets = std::size(kLatencyBounds) + 1;

// Thread-safe, lock-free.
class Latency {
 public:
  struct Snapshot {
    std::array<uint64_t, kLatencyBuckets> counts{};  // each of its bucket alone
    double sum_seconds = 0;
  };

  void Add(absl::Duration took) {
    const double seconds = absl::ToDoubleSeconds(took);
    size_t bucket = 0;
    while (bucket < std::size(kLatencyBounds) &&
           seconds > kLatencyBounds[bucket]) {
      ++bucket;
    }
    counts_[bucket].fetch_add(1, std::memory_order_relaxed);
    sum_ns_.fetch_add(static_cast<uint64_t>(absl::ToInt64Nanoseconds(took)),
                      std::memory_order_relaxed);
  }

  Snapshot Read() const {
    Snapshot snapshot;
    for (size_t i = 0; i < kLatencyBuckets; ++i) {
      snapshot.counts[i] = counts_[i].load(std::memory_order_relaxed);
    }
    snapshot.sum_seconds = sum_ns_.load(std::memory_order_relaxed) * 1e-9;
    return snapshot;
  }

 private:
  std::array<std::atomic<uint64_t>, kLatencyBuckets> counts_{};
  std::atomic<uint64_t> sum_ns_{0};
};

// The stages of a request that are measured.
struct StageLatencies {
  Latency wait;    // for room, before it was taken in
  Latency engine;  // the engine alone
  Latency total;   // from being taken in to the answer
};

}  // namespace btfd::daemon

#endif  // BTFD_DAEMON_METRICS_LATENCY_H_
