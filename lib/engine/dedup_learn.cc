// SPDX-License-Identifier: Apache-2.0
//
// Learning from failed comparisons. A split full of near-identical copies makes
// libbpf walk the same graphs over and over: each comparison runs until it
// meets two copies, c and c', where the canonical side has one type k. That it
// fails there says nothing of the pairs on the way as such, because whether
// (c', k) contradicts depends on what was assumed before. But this holds:
//
//   Let a comparison succeed that has assumed (x, k). Then it met all parts of
//   that pair and accepted them. A part (x', k') whose roots are different, and
//   that is pinned (dedup_unique.h), was assumed as well.
//
// Follow this from pair to pair. What leads through pinned pairs to a pair
// whose records differ, or to one that is refuted, or both to (c, k) and to the
// pair that (c', k) is a part of, cannot be assumed by a comparison that
// succeeds: it is refuted, and a later comparison stops where it would assume
// it. All of this is about one state of what stands for what; where a
// comparison succeeds and merges, it is forgotten.
#include "lib/engine/dedup_compare.h"

namespace btfd::engine::dedup {

namespace {
// Asked after one failed comparison.
constexpr int kMaxQuestions = 4;
}  // namespace

// As long as failures are few, they cost less than finding what is unique.
void Comparison::CountFailure() {
  if (learning_ == Learning::kNever) return;
  wasted_ += hypothesis_.pairs().size();
  if (learning_ == Learning::kWhenWorthIt &&
      wasted_ <= 2 * uint64_t{state_->types.own_count()}) {
    return;
  }
  learns_ = unique_.Find();
  if (!learns_) learning_ = Learning::kNever;
}

// Whether a comparison that succeeds and has accepted the pair must have
// assumed it: it is pinned, and nothing else that it could be pinned to is
// left.
bool Comparison::IsForced(TypeId candidate, TypeId canonical) {
  // Its signature is taken.
  state_->work->Spend(1 + state_->types[canonical].vlen());
  if (!unique_.IsPinned(candidate, canonical, &others_)) return false;
  bool forced = true;
  for (const TypeId other : others_) {
    if (IsKnownToFail(other, canonical)) continue;
    forced = false;
    if (!tried_.Contains(other, canonical)) {
      open_questions_.push_back({canonical, other});
    }
  }
  return forced;
}

// What keeps a pair from being forced is another that might take its place.
// Comparing that one, to no other end, may refute it, and much hangs on it.
void Comparison::AnswerOpenQuestions() {
  for (int i = 0; i < kMaxQuestions && !open_questions_.empty(); ++i) {
    const Hypothesis::Pair pair = open_questions_.back();
    open_questions_.pop_back();
    if (tried_.Contains(pair.candidate, pair.canonical)) continue;
    tried_.Add(pair.candidate, pair.canonical);
    Start();
    Walk({pair.candidate, pair.canonical, Trail::kNone});
  }
  open_questions_.clear();
}

// Whether assuming the pair is refuted, be it by its first part.
bool Comparison::IsKnownToFail(TypeId candidate, TypeId canonical) {
  if (refutations_.Contains(candidate, canonical)) return true;
  const TypeRecord& type = state_->types[candidate];
  const TypeRecord& other = state_->types[canonical];
  if (type.kind() != Kind::kArray || other.kind() != Kind::kArray) return false;
  const TypeId element = type.array().element;
  const TypeId other_element = other.array().element;
  if (state_->Root(element) == state_->Root(other_element)) return false;
  const TypeId real = ForwardRoot(other_element);
  if (!refutations_.Contains(element, real)) return false;
  std::pmr::vector<TypeId> others(others_.get_allocator());
  return unique_.IsPinned(element, real, &others) && others.empty();
}

// Looks ahead: a part that is refuted need not be walked to.
bool Comparison::HasRefutedPart(const Pending& parts) {
  const uint32_t* candidate = parts.candidate;
  const uint32_t* canonical = parts.canonical;
  for (uint32_t i = 0; i < parts.left; ++i) {
    if (*candidate != *canonical) {
      const TypeId real = ForwardRoot(*canonical);
      if (refutations_.Contains(*candidate, real) &&
          state_->Root(*candidate) != state_->Root(*canonical) &&
          IsForced(*candidate, real)) {
        return true;
      }
    }
    candidate += parts.stride;
    canonical += parts.stride;
  }
  return false;
}

void Comparison::Learn(Step failure, uint32_t of) {
  const auto& pairs = hypothesis_.pairs();
  state_->work->Spend(4 * pairs.size());
  // What is identical with a type whose record differs from the canonical
  // one's differs as well; but for enums, where an empty one is like any.
  const bool none_fits =
      failure == Step::kMismatch &&
      !btf::IsAnyEnum(state_->types[pairs[of].candidate].kind());
  auto is_pinned = [&](uint32_t pair) {
    return (none_fits && pair == of) ||
           IsForced(pairs[pair].candidate, pairs[pair].canonical);
  };
  auto refute = [&](uint32_t pair) {
    refutations_.Add(pairs[pair].candidate, pairs[pair].canonical);
  };
  if (failure == Step::kContradiction) {
    trail_.ForEachLeadingTo({contradicted_, of}, is_pinned, refute);
  } else {
    trail_.ForEachLeadingTo({of}, is_pinned, refute);
  }
}

}  // namespace btfd::engine::dedup
