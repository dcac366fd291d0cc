// SPDX-License-Identifier: Apache-2.0
//
// Which way comparisons go, and what follows from one that succeeds.
//
// Most modules have few comparisons that fail, or none: theirs stand alone
// (plain.h), with no more to do than to walk. Once the failures have
// taken about as long as preparing for it does, comparisons learn
// (learning.h): what they meet is kept, and what one that failed has
// refuted ends others early. It makes no difference to the result when that is:
// both ways walk by the same rules and in the same order (walk.h), so
// they agree on what is the same, and assume the same pairs for it. Only in how
// soon they find a difference they are not alike, and that leaves no trace.
#include "lib/engine/dedup/compare/compare.h"

namespace btfd::engine::dedup {

Comparison::Comparison(State* state, SplitFingerprints* fingerprints,
                       Learning learning)
    : state_(state),
      learning_(learning),
      identity_(*state),
      plain_(state, &identity_),
      learning_comparison_(state, &identity_, fingerprints),
      mapped_(state->memory) {}

template <typename Way>
Equality Comparison::CompareBy(Way* way, TypeId candidate, TypeId canonical) {
  const Equality equality = way->Compare(candidate, canonical);
  assumed_ = &way->assumed();
  would_change_base_ = way->would_change_base();
  return equality;
}

Equality Comparison::Compare(TypeId candidate, TypeId canonical) {
  if (learns_) {
    const Equality equality =
        CompareBy(&learning_comparison_, candidate, canonical);
    // It may have given up for want of room alone.
    if (equality != Equality::kTooMuchWork || state_->work->exhausted()) {
      return equality;
    }
  }
  const Equality equality = CompareBy(&plain_, candidate, canonical);
  if (equality == Equality::kDifferent && !learns_) CountFailure();
  return equality;
}

// Half the own types, met in vain, is where learning begins to pay.
void Comparison::CountFailure() {
  if (learning_ == Learning::kNever) return;
  wasted_ += assumed_->size();
  if (learning_ == Learning::kWhenWorthIt &&
      wasted_ <= state_->types.own_count() / 2) {
    return;
  }
  learns_ = learning_comparison_.Begin();
  if (!learns_) learning_ = Learning::kNever;
}

void Comparison::Merge() {
  const Types& types = state_->types;
  mapped_.clear();
  bool base_mapped = false;
  auto map = [&](TypeId id, TypeId to) {
    state_->Map(id, to);
    if (types.is_own(id)) {
      mapped_.push_back(id);
    } else {
      base_mapped = true;
    }
  };
  for (const Assumption& pair : *assumed_) {
    const TypeId candidate = state_->Root(pair.candidate);
    const TypeId canonical = state_->Root(pair.canonical);
    const Kind kind = types[candidate].kind();
    const bool canonical_is_forward = types[canonical].kind() == Kind::kFwd;
    if (kind != Kind::kFwd && canonical_is_forward) {
      // Of a base's forward, too, and even where nothing else is merged.
      map(canonical, candidate);
    }
    if (would_change_base_ || canonical_is_forward) continue;
    if (kind == Kind::kFwd) {
      map(candidate, canonical);
    } else if (btf::IsComposite(kind)) {
      if (state_->IsMapped(canonical) && !state_->IsMapped(candidate)) {
        map(candidate, canonical);
      }
    } else if (types.is_own(candidate) && !types.is_own(canonical)) {
      state_->hints[candidate - types.first()] = canonical;
    }
  }
  if (!would_change_base_) {
    const Assumption& top = assumed_->front();
    map(top.candidate, top.canonical);
  }
  if (learns_ && (base_mapped || !mapped_.empty())) {
    learning_comparison_.TypesWereMapped(mapped_, base_mapped);
  }
}

}  // namespace btfd::engine::dedup
