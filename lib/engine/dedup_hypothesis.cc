// SPDX-License-Identifier: Apache-2.0
//
// The assumptions of one comparison, by canonical type: an array for own types
// and a hash table for the few of the base that are met. Both are emptied by
// counting up the epoch.
#include <algorithm>

#include "lib/engine/dedup_compare.h"

namespace btfd::engine::dedup {

namespace {

// Base types that a comparison meets are about as many as own ones.
size_t BaseSlots(const State& state) {
  size_t slots = 1;
  while (state.base != nullptr && slots < 2 * state.types.own_count()) {
    slots *= 2;
  }
  return slots;
}

}  // namespace

Hypothesis::Hypothesis(const State& state)
    : first_own_(state.types.first()),
      own_(state.types.own_count(), state.memory),
      base_(BaseSlots(state), state.memory),
      pairs_(state.memory) {}

void Hypothesis::Clear() {
  pairs_.clear();
  base_used_ = 0;
  if (++epoch_ != 0) return;
  std::fill(own_.begin(), own_.end(), OwnSlot());
  std::fill(base_.begin(), base_.end(), BaseSlot());
  epoch_ = 1;
}

void Hypothesis::Grow() {
  base_.assign(base_.size() * 2, BaseSlot());
  for (uint32_t pair = 0; pair < pairs_.size(); ++pair) {
    const TypeId canonical = pairs_[pair].canonical;
    if (canonical < first_own_) Find(canonical) = {epoch_, canonical, pair};
  }
}

}  // namespace btfd::engine::dedup
