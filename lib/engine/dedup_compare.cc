// SPDX-License-Identifier: Apache-2.0
//
// The comparison of graphs. libbpf walks both sides at once, depth first, and
// stops at the first pair that differs: all pairs must be the same for the
// answer to be yes. So there is nothing to come back to, and a list of pairs
// yet to be looked at replaces the recursion; taken in libbpf's order, because
// the first pair of a canonical type decides what the type is assumed to be.
#include "lib/engine/dedup_compare.h"

#include <algorithm>

namespace btfd::engine::dedup {

namespace {

// Full enums are the same where their records are; an empty one is the same as
// any of its name, of either kind and any size.
bool SameEnum(const TypeRecord& a, const TypeRecord& b) {
  if (a.vlen() != 0 && b.vlen() != 0) return btf::SameRecord(a, b);
  return a.name_off == b.name_off;
}

bool SameParameterNames(const TypeRecord& a, const TypeRecord& b) {
  const uint32_t* x = a.tail();
  const uint32_t* y = b.tail();
  for (uint32_t i = 0; i < a.vlen(); ++i, x += 2, y += 2) {
    if (x[0] != y[0]) return false;
  }
  return true;
}

}  // namespace

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
  for (const Pair& pair : pairs_) {
    if (pair.canonical < first_own_) {
      Find(pair.canonical) = {epoch_, pair.canonical, pair.candidate};
    }
  }
}

TypeId Hypothesis::Assume(TypeId canonical, TypeId candidate) {
  if (canonical >= first_own_) {
    OwnSlot& slot = own_[canonical - first_own_];
    if (slot.epoch == epoch_) return slot.candidate;
    slot = {epoch_, candidate};
  } else {
    BaseSlot& slot = Find(canonical);
    if (slot.epoch == epoch_) return slot.candidate;
    slot = {epoch_, canonical, candidate};
    ++base_used_;
  }
  pairs_.push_back({canonical, candidate});
  if (base_used_ * 2 > base_.size()) Grow();
  return kUnset;
}

Comparison::Comparison(State* state)
    : state_(state),
      hypothesis_(*state),
      identity_(*state),
      pending_(state->memory) {}

// Only the canonical side's forwards are seen through.
TypeId Comparison::ForwardRoot(TypeId id) const {
  if (state_->types[id].kind() != Kind::kFwd) return id;
  const TypeId root = state_->Root(id);
  return state_->types[root].kind() != Kind::kFwd ? root : id;
}

Comparison::Step Comparison::VisitForward(const TypeRecord& candidate,
                                          const TypeRecord& canonical,
                                          TypeId canonical_id) {
  const bool candidate_is_forward = candidate.kind() == Kind::kFwd;
  const TypeRecord& forward = candidate_is_forward ? candidate : canonical;
  const TypeRecord& real = candidate_is_forward ? canonical : candidate;
  const Kind declared = forward.kflag() ? Kind::kUnion : Kind::kStruct;
  if (real.kind() != declared) return Step::kReject;
  if (!candidate_is_forward && !state_->types.is_own(canonical_id)) {
    would_change_base_ = true;
  }
  return Step::kAccept;
}

// Precondition: the pair is assumed to correspond. What it refers to becomes
// pending; the first of that is returned through the ids with kFollow.
Comparison::Step Comparison::VisitRecords(TypeId* candidate,
                                          TypeId* canonical) {
  const TypeRecord& a = state_->types[*candidate];
  const TypeRecord& b = state_->types[*canonical];
  if (a.name_off != b.name_off) return Step::kReject;
  const Kind kind = a.kind();
  if (kind != b.kind()) {
    if (kind == Kind::kFwd || b.kind() == Kind::kFwd) {
      return VisitForward(a, b, *canonical);
    }
    return Step::kReject;
  }
  switch (kind) {
    case Kind::kInt:
      return btf::SameRecord(a, b) ? Step::kAccept : Step::kReject;
    case Kind::kEnum:
    case Kind::kEnum64:
      return SameEnum(a, b) ? Step::kAccept : Step::kReject;
    case Kind::kFwd:
    case Kind::kFloat:
      return btf::SameHead(a, b) ? Step::kAccept : Step::kReject;
    case Kind::kPtr:
    case Kind::kTypedef:
    case Kind::kVolatile:
    case Kind::kConst:
    case Kind::kRestrict:
    case Kind::kFunc:
    case Kind::kTypeTag:
      if (a.info != b.info) return Step::kReject;
      *candidate = a.size_or_type;
      *canonical = b.size_or_type;
      return Step::kFollow;
    case Kind::kArray:
      if (!btf::SameHead(a, b) || a.array().count != b.array().count) {
        return Step::kReject;
      }
      pending_.push_back({a.tail(), b.tail(), 1, 1});
      *candidate = a.array().index;
      *canonical = b.array().index;
      return Step::kFollow;
    case Kind::kStruct:
    case Kind::kUnion:
      if (!btf::SameShape(a, b)) return Step::kReject;
      if (a.vlen() != 0) {
        pending_.push_back({a.tail() + 1, b.tail() + 1, a.vlen(), 3});
      }
      return Step::kAccept;
    case Kind::kFuncProto:
      if (a.info != b.info || !SameParameterNames(a, b)) return Step::kReject;
      if (a.vlen() != 0) {
        pending_.push_back({a.tail() + 1, b.tail() + 1, a.vlen(), 2});
      }
      *candidate = a.size_or_type;
      *canonical = b.size_or_type;
      return Step::kFollow;
    default:
      return Step::kNotComparable;
  }
}

Comparison::Step Comparison::Visit(TypeId* candidate, TypeId* canonical) {
  if (*candidate == *canonical) return Step::kAccept;
  if (state_->Root(*candidate) == state_->Root(*canonical)) {
    return Step::kAccept;
  }
  // Void is nothing but itself.
  if (*candidate == 0 || *canonical == 0) return Step::kReject;
  *canonical = ForwardRoot(*canonical);
  const TypeId assumed = hypothesis_.Assume(*canonical, *candidate);
  if (assumed == kUnset) return VisitRecords(candidate, canonical);
  if (assumed == *candidate) return Step::kAccept;
  switch (identity_.Compare(assumed, *candidate)) {
    case Verdict::kSame:
      return Step::kAccept;
    case Verdict::kEndless:
      return Step::kEndless;
    default:
      return Step::kReject;
  }
}

bool Comparison::NextPending(TypeId* candidate, TypeId* canonical) {
  while (!pending_.empty()) {
    Pending& next = pending_.back();
    while (next.left != 0 && *next.candidate == *next.canonical) {
      next.candidate += next.stride;
      next.canonical += next.stride;
      --next.left;
    }
    if (next.left == 0) {
      pending_.pop_back();
      continue;
    }
    *candidate = *next.candidate;
    *canonical = *next.canonical;
    next.candidate += next.stride;
    next.canonical += next.stride;
    if (--next.left == 0) pending_.pop_back();
    return true;
  }
  return false;
}

Verdict Comparison::Compare(TypeId candidate, TypeId canonical) {
  hypothesis_.Clear();
  would_change_base_ = false;
  pending_.clear();
  for (;;) {
    switch (Visit(&candidate, &canonical)) {
      case Step::kFollow:
        break;
      case Step::kAccept:
        if (!NextPending(&candidate, &canonical)) return Verdict::kSame;
        break;
      case Step::kReject:
        return Verdict::kDifferent;
      case Step::kNotComparable:
        return Verdict::kNotComparable;
      case Step::kEndless:
        return Verdict::kEndless;
    }
  }
}

void Comparison::Merge() {
  const Types& types = state_->types;
  for (const Hypothesis::Pair& pair : hypothesis_.pairs()) {
    const TypeId candidate = state_->Root(pair.candidate);
    const TypeId canonical = state_->Root(pair.canonical);
    const Kind kind = types[candidate].kind();
    const bool canonical_is_forward = types[canonical].kind() == Kind::kFwd;
    if (kind != Kind::kFwd && canonical_is_forward) {
      // Of a base's forward, too, and even where nothing else is merged.
      state_->Map(canonical, candidate);
    }
    if (would_change_base_ || canonical_is_forward) continue;
    if (kind == Kind::kFwd) {
      state_->Map(candidate, canonical);
    } else if (btf::IsComposite(kind)) {
      if (state_->IsMapped(canonical) && !state_->IsMapped(candidate)) {
        state_->Map(candidate, canonical);
      }
    } else if (types.is_own(candidate) && !types.is_own(canonical)) {
      state_->hints[candidate - types.first()] = canonical;
    }
  }
}

}  // namespace btfd::engine::dedup
