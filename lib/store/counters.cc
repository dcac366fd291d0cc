// SPDX-License-Identifier: Apache-2.0
#include "lib/store/counters.h"

namespace btfd::store {

std::optional<Counter> FindCounter(absl::string_view name) {
  for (size_t i = 0; i < kCounterCount; ++i) {
    if (kCounters[i].name == name) return static_cast<Counter>(i);
  }
  return std::nullopt;
}

Counter OutcomeCounter(int outcome) {
  // In proto/btfd.proto 0 means "no outcome", and OK is 1. OK has the first
  // counter.
  static_assert(static_cast<int>(Counter::kOutcomeOk) == 0);
  if (outcome < 1 ||
      outcome > static_cast<int>(Counter::kOutcomeEncodingUncertain) + 1) {
    return Counter::kOutcomeInternal;
  }
  return static_cast<Counter>(outcome - 1);
}

Counters::Snapshot Counters::Read() const {
  Snapshot snapshot;
  for (size_t i = 0; i < kCounterCount; ++i) {
    snapshot[i] = values_[i].load(std::memory_order_relaxed);
  }
  return snapshot;
}

std::map<std::string, uint64_t> Delta(const Counters::Snapshot& before,
                                      const Counters::Snapshot& after) {
  std::map<std::string, uint64_t> delta;
  for (size_t i = 0; i < kCounterCount; ++i) {
    if (after[i] > before[i]) {
      delta[std::string(kCounters[i].name)] = after[i] - before[i];
    }
  }
  return delta;
}

}  // namespace btfd::store
