// SPDX-License-Identifier: Apache-2.0
//
// What the daemon holds and has done, for Prometheus and for people: one
// snapshot, rendered as metrics and as the page's JSON.
#ifndef BTFD_DAEMON_METRICS_METRICS_H_
#define BTFD_DAEMON_METRICS_METRICS_H_

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "daemon/metrics/latency.h"
#include "lib/store/counters.h"

namespace btfd::daemon {

struct BaseMetrics {
  std::string digest;  // in hex
  std::string origin;
  uint64_t types = 0;
  uint64_t resident_bytes = 0;
  uint64_t requests = 0;
};

struct MetricsSnapshot {
  std::string version;
  uint32_t engine_version = 0;
  absl::Time started;
  bool serving = false;                   // not stopping
  store::Counters::Snapshot counters{};   // since the start
  std::map<std::string, uint64_t> calls;  // by method
  std::vector<BaseMetrics> bases;
  uint64_t resident_bytes = 0;  // of the process
  uint64_t store_bytes = 0;
  uint64_t requests_in_flight = 0;
  std::optional<bool> breaker_open;  // nothing: there is no remote cache
  Latency::Snapshot wait, engine, total;
};

// Prometheus' text format.
std::string RenderMetrics(const MetricsSnapshot& snapshot);

// The last hour, a minute each. Thread-safe.
class History {
 public:
  struct Minute {
    absl::Time at;
    uint64_t requests = 0, hits = 0, errors = 0, fallbacks = 0;
  };

  // To be called often; notes what grew since the last whole minute.
  void Note(absl::Time now, const store::Counters::Snapshot& counters);
  // Oldest first.
  std::vector<Minute> Minutes() const;

 private:
  mutable absl::Mutex mutex_;
  store::Counters::Snapshot before_ ABSL_GUARDED_BY(mutex_){};
  std::deque<Minute> minutes_ ABSL_GUARDED_BY(mutex_);
};

// What the page shows, as JSON.
std::string RenderStatus(const MetricsSnapshot& snapshot,
                         const std::vector<History::Minute>& minutes,
                         absl::Time now);

}  // namespace btfd::daemon

#endif  // BTFD_DAEMON_METRICS_METRICS_H_
