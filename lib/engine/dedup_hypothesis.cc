// SPDX-License-Identifier: Apache-2.0
//
// The assumptions of one comparison, by canonical type: an array for own types
// and a hash table for the few of the base that are met. Both are emptied by
// counting up the epoch.
#include <algorithm>

#include "lib/engine/dedup_compare.h"

namespace btfd::engine::dedup {

Hypothesis::Hypothesis(const State& state)
    : first_own_(state.types.first()),
      own_(state.types.own_count(), state.memory),
      base_(state.base == nullptr ? 1 : 1024, state.memory),
      pairs_(state.memory) {}

void Hypothesis::Clear() {
  pairs_.clear();
  base_used_ = 0;
  if (++epoch_ != 0) return;
  std::fill(own_.begin(), own_.end(), OwnSlot());
  std::fill(base_.begin(), base_.end(), BaseSlot());
  epoch_ = 1;
}

Hypothesis::BaseSlot& Hypothesis::Find(TypeId canonical) {
  const size_t mask = base_.size() - 1;
  size_t i = (canonical * uint64_t{0x9e3779b97f4a7c15} >> 32) & mask;
  while (base_[i].epoch == epoch_ && base_[i].canonical != canonical) {
    i = (i + 1) & mask;
  }
  return base_[i];
}

void Hypothesis::Grow() {
  base_.assign(base_.size() * 2, BaseSlot());
  for (uint32_t pair = 0; pair < pairs_.size(); ++pair) {
    const TypeId canonical = pairs_[pair].canonical;
    if (canonical < first_own_) Find(canonical) = {epoch_, canonical, pair};
  }
}

uint32_t Hypothesis::Assume(TypeId canonical, TypeId candidate) {
  const auto next = static_cast<uint32_t>(pairs_.size());
  if (canonical >= first_own_) {
    OwnSlot& slot = own_[canonical - first_own_];
    if (slot.epoch == epoch_) return slot.pair;
    slot = {epoch_, next};
  } else {
    BaseSlot& slot = Find(canonical);
    if (slot.epoch == epoch_) return slot.pair;
    slot = {epoch_, canonical, next};
    ++base_used_;
  }
  pairs_.push_back({canonical, candidate});
  if (base_used_ * 2 > base_.size()) Grow();
  return kNone;
}

}  // namespace btfd::engine::dedup
