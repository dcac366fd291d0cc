// SPDX-License-Identifier: Apache-2.0
//
// Adds this daemon's counters to the store's lifetime counters.
#ifndef BTFD_DAEMON_RPC_COUNTER_LEDGER_H_
#define BTFD_DAEMON_RPC_COUNTER_LEDGER_H_

#include <cstdint>
#include <map>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "lib/store/counters.h"
#include "lib/store/store.h"

namespace btfd::daemon {

// Thread-safe. What is given must outlive it; `store` may be null.
class CounterLedger {
 public:
  CounterLedger(const store::Counters* counters, store::Store* store)
      : counters_(counters), store_(store) {}

  // Adds what was counted since the last time.
  void Flush() {
    if (store_ == nullptr) return;
    absl::MutexLock lock(&mutex_);
    const store::Counters::Snapshot now = counters_->Read();
    const std::map<std::string, uint64_t> delta = store::Delta(handed_on_, now);
    if (!delta.empty()) store_->AddCounters(delta);
    handed_on_ = now;
  }

  // The counters by name, since this daemon started.
  std::map<std::string, uint64_t> SinceStart() const {
    return store::Delta({}, counters_->Read());
  }

  // The counters by name, since the store was made; without a store, since the
  // start.
  std::map<std::string, uint64_t> Lifetime() {
    if (store_ == nullptr) return SinceStart();
    Flush();
    auto counters = store_->GetCounters();
    return counters.ok() ? *std::move(counters) : SinceStart();
  }

 private:
  const store::Counters* const counters_;
  store::Store* const store_;
  absl::Mutex mutex_;
  store::Counters::Snapshot handed_on_ ABSL_GUARDED_BY(mutex_){};
};

}  // namespace btfd::daemon

#endif  // BTFD_DAEMON_RPC_COUNTER_LEDGER_H_
