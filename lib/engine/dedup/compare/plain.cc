// SPDX-License-Identifier: Apache-2.0
//
// The assumptions of one comparison, by canonical type: an array for own types
// and a hash table for the few of the base that are met. Both are emptied by
// counting up the epoch. Parts are left where they are, in the records.
#include "lib/engine/dedup/compare/plain.h"

#include <algorithm>

#include "lib/engine/dedup/compare/records.h"

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
      all_(state.memory) {}

void Hypothesis::Clear() {
  all_.clear();
  base_used_ = 0;
  if (++epoch_ != 0) return;
  std::fill(own_.begin(), own_.end(), OwnSlot());
  std::fill(base_.begin(), base_.end(), BaseSlot());
  epoch_ = 1;
}

void Hypothesis::Grow() {
  base_.assign(base_.size() * 2, BaseSlot());
  for (const Assumption& pair : all_) {
    if (pair.canonical < first_own_) {
      Find(pair.canonical) = {epoch_, pair.canonical, pair.candidate};
    }
  }
}

PlainComparison::PlainComparison(const State* state, Identity* identity)
    : state_(state),
      identity_(identity),
      hypothesis_(*state),
      pending_(state->memory) {}

inline bool PlainComparison::IsSettled(const Part& part) const {
  return part.candidate == part.canonical ||
         state_->Root(part.candidate) == state_->Root(part.canonical);
}

inline TypeId PlainComparison::Assume(Part* part) {
  part->canonical = state_->ForwardRoot(part->canonical);
  return hypothesis_.Assume(part->candidate, part->canonical);
}

inline Step PlainComparison::Enter(Part* part) {
  struct Parts {
    void First(TypeId candidate, TypeId canonical) {
      first = {candidate, canonical};
      has_first = true;
    }
    void Rest(const uint32_t* candidate, const uint32_t* canonical,
              uint32_t count, uint32_t stride) {
      if (count == 0) return;
      pending->push_back({candidate, canonical, count, stride});
    }
    std::pmr::vector<Pending>* pending;
    Part first;
    bool has_first;
  } parts{&pending_, {}, false};
  const Step step =
      StepOf(CompareRecords(*state_, part->candidate, part->canonical, &parts),
             &would_change_base_);
  if (step != Step::kAccept || !parts.has_first) return step;
  *part = parts.first;
  return Step::kFollow;
}

// Most parts are settled: that is found out here, without a visit.
inline bool PlainComparison::StandsFor(TypeId canonical,
                                       TypeId candidate) const {
  if (candidate == canonical) return true;
  return state_->types.is_own(candidate) &&
         state_->map[candidate - state_->types.first()] == canonical;
}

inline bool PlainComparison::NextPending(Part* part) {
  while (!pending_.empty()) {
    Pending& next = pending_.back();
    while (next.left != 0 && StandsFor(*next.canonical, *next.candidate)) {
      next.candidate += next.stride;
      next.canonical += next.stride;
      --next.left;
    }
    if (next.left == 0) {
      pending_.pop_back();
      continue;
    }
    *part = {*next.candidate, *next.canonical};
    next.candidate += next.stride;
    next.canonical += next.stride;
    if (--next.left == 0) pending_.pop_back();
    return true;
  }
  return false;
}

Equality PlainComparison::Compare(TypeId candidate, TypeId canonical) {
  hypothesis_.Clear();
  would_change_base_ = false;
  pending_.clear();
  return Walk(*state_, this, identity_, {candidate, canonical}, UINT64_MAX);
}

}  // namespace btfd::engine::dedup
