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

void Comparison::Learn(Step failure, uint32_t of) {
  const auto& pairs = hypothesis_.pairs();
  // What is identical with a type whose record differs from the canonical
  // one's differs as well; but for enums, where an empty one is like any.
  const bool none_fits =
      failure == Step::kMismatch &&
      !btf::IsAnyEnum(state_->types[pairs[of].candidate].kind());
  auto is_pinned = [&](uint32_t pair) {
    return (none_fits && pair == of) ||
           unique_.IsPinned(pairs[pair].candidate, pairs[pair].canonical);
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
