// SPDX-License-Identifier: Apache-2.0
//
// The graph of pairs. One comparison after the other meets the same pairs of
// types, because nearly all types of a kernel are within reach of each other.
// What a pair's records say never changes, and which pairs it leads to changes
// only where a forward comes to stand for something else; so both are found out
// once, and a later comparison follows numbers instead of records. Pairs of one
// canonical type hang on its slot, which also says which of them a comparison
// assumes.
#include "lib/engine/dedup/compare/pair_graph.h"

#include <utility>

namespace btfd::engine::dedup {

namespace {

// No sensible module has as many copies of one type.
constexpr uint32_t kMaxCandidates = 64;

}  // namespace

PairGraph::PairGraph(const State* state)
    : state_(state),
      limit_((size_t{1} << 16) + 16 * size_t{state->types.own_count()}),
      pairs_(state->memory),
      parts_(state->memory),
      slots_(state->memory),
      own_slots_(state->memory),
      forwards_(state->memory),
      behind_forwards_(state->memory),
      base_slots_(state->memory) {}

void PairGraph::Clear() {
  if (own_slots_.empty()) {
    // Memory that is not touched costs nothing, but a vector that grows leaves
    // what it had in the arena.
    const size_t own = state_->types.own_count();
    own_slots_.resize(own + 1);
    pairs_.reserve(4 * own);
    parts_.reserve(6 * own);
    slots_.reserve(own);
    base_slots_.Clear(own);
  } else {
    base_slots_.Clear(slots_.size());
    for (const CanonicalSlot& slot : slots_) {
      if (state_->types.is_own(slot.canonical)) {
        own_slots_[slot.canonical - state_->types.first()] = 0;
      }
    }
  }
  pairs_.assign(1, Pair{});
  parts_.assign(1, Part{});
  slots_.assign(1, CanonicalSlot{});
  forwards_.clear();
  behind_forwards_.clear();
  is_crowded_ = false;
  version_ = 1;
}

void PairGraph::ForgetMarks() {
  for (Pair& pair : pairs_) {
    pair.refuted = pair.relied_on = pair.spread = pair.tried = false;
  }
}

inline uint32_t PairGraph::SlotOf(TypeId canonical) {
  const bool own = state_->types.is_own(canonical);
  uint32_t& slot = own ? own_slots_[canonical - state_->types.first()]
                       : base_slots_[canonical + 1];
  if (slot != 0) return slot;
  const auto made = static_cast<uint32_t>(slots_.size());
  slot = made;
  slots_.push_back({canonical, kNoPair, 0, kNoPair, false});
  if (state_->types[canonical].kind() == Kind::kFwd) forwards_.push_back(made);
  return made;
}

// Of what is meant by `canonical`.
inline uint32_t PairGraph::RealSlotOf(TypeId canonical, TypeId real) {
  const uint32_t slot = SlotOf(real);
  if (real != canonical && state_->types.is_own(real)) {
    if (!slots_[slot].behind_forward) behind_forwards_.push_back(real);
    slots_[slot].behind_forward = true;
  }
  return slot;
}

inline PairId PairGraph::GetInSlot(TypeId candidate, uint32_t slot) {
  PairId pair = slots_[slot].first;
  uint32_t others = 0;
  while (pair != kNoPair && pairs_[pair].candidate != candidate) {
    pair = pairs_[pair].next;
    ++others;
  }
  state_->work->Spend(others);
  if (pair != kNoPair) return pair;
  is_crowded_ |= others > kMaxCandidates;
  pair = static_cast<PairId>(pairs_.size());
  Pair made{};
  made.candidate = candidate;
  made.slot = slot;
  made.next = slots_[slot].first;
  pairs_.push_back(made);
  slots_[slot].first = pair;
  return pair;
}

PairId PairGraph::Get(TypeId candidate, TypeId canonical) {
  return GetInSlot(candidate, SlotOf(canonical));
}

PairId PairGraph::Find(TypeId candidate, TypeId canonical) const {
  uint32_t slot = 0;
  if (state_->types.is_own(canonical)) {
    slot = own_slots_[canonical - state_->types.first()];
  } else if (const uint32_t* found = base_slots_.Find(canonical + 1)) {
    slot = *found;
  }
  PairId pair = slot == 0 ? kNoPair : slots_[slot].first;
  while (pair != kNoPair && pairs_[pair].candidate != candidate) {
    state_->work->Spend(1);
    pair = pairs_[pair].next;
  }
  return pair;
}

Upkeep PairGraph::TypesWereMapped() {
  state_->work->Spend(behind_forwards_.size() + forwards_.size());
  for (const TypeId id : behind_forwards_) {
    if (state_->Root(id) != id) return Upkeep::kNothing;
  }
  if (++version_ == 0) {
    version_ = 1;
    for (Pair& pair : pairs_) pair.checked = 0;
  }
  return MoveForwards() ? Upkeep::kNothingLearned : Upkeep::kAll;
}

// What was compared with a forward has to be compared with what it stands for.
bool PairGraph::MoveForwards() {
  bool moved = false;
  for (size_t f = 0; f < forwards_.size();) {
    const CanonicalSlot& slot = slots_[forwards_[f]];
    const TypeId real = state_->ForwardRoot(slot.canonical);
    if (real == slot.canonical) {
      ++f;
      continue;
    }
    PairId next = slot.first;
    const uint32_t real_slot = RealSlotOf(slot.canonical, real);
    while (next != kNoPair) {
      const PairId from = next;
      next = pairs_[from].next;
      const PairId to = GetInSlot(pairs_[from].candidate, real_slot);
      uint32_t use = std::exchange(pairs_[from].uses, 0);
      while (use != 0) {
        state_->work->Spend(1);
        parts_[use].pair = to;
        const uint32_t other =
            std::exchange(parts_[use].next_use, pairs_[to].uses);
        pairs_[to].uses = std::exchange(use, other);
      }
    }
    forwards_[f] = forwards_.back();
    forwards_.pop_back();
    moved = true;
  }
  return moved;
}

void PairGraph::Check(Pair* pair) {
  pair->checked = version_;
  // Roots that are the same remain so.
  if (!pair->settled) {
    pair->settled = state_->Root(pair->candidate) ==
                    state_->Root(slots_[pair->slot].canonical);
  }
}

inline void PairGraph::AddPart(PairId in, TypeId candidate, TypeId canonical) {
  if (candidate == canonical) return;
  // Most parts are settled like this.
  if (state_->types.is_own(candidate) &&
      state_->map[candidate - state_->types.first()] == canonical) {
    return;
  }
  if (state_->Root(candidate) == state_->Root(canonical)) return;
  const TypeId real = state_->ForwardRoot(canonical);
  const uint32_t slot = RealSlotOf(canonical, real);
  const PairId pair = GetInSlot(candidate, slot);
  const auto index = static_cast<uint32_t>(parts_.size());
  parts_.push_back({pair, in, pairs_[pair].uses});
  pairs_[pair].uses = index;
  pairs_[pair].checked = version_;
}

void PairGraph::Open(PairId id) {
  if (pairs_[id].opened) return;
  struct Parts {
    void First(TypeId candidate, TypeId canonical) {
      graph->AddPart(in, candidate, canonical);
    }
    void Rest(const uint32_t* candidate, const uint32_t* canonical,
              uint32_t count, uint32_t stride) {
      for (; count != 0; --count, candidate += stride, canonical += stride) {
        graph->AddPart(in, *candidate, *canonical);
      }
    }
    PairGraph* graph;
    PairId in;
  } parts{this, id};
  const auto first = static_cast<uint32_t>(parts_.size());
  const RecordEquality equality =
      CompareRecords(*state_, pairs_[id].candidate, canonical(id), &parts);
  Pair& pair = pairs_[id];
  pair.opened = true;
  pair.record_equality = equality;
  pair.parts = first;
  pair.end = static_cast<uint32_t>(parts_.size());
}

}  // namespace btfd::engine::dedup
