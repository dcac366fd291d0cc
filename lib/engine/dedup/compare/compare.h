// SPDX-License-Identifier: Apache-2.0
//
// Whether two types are the same as graphs: libbpf's comparison of an own type
// (the candidate side) with one that is canonical already. Internal to dedup.
#ifndef BTFD_LIB_ENGINE_DEDUP_COMPARE_COMPARE_H_
#define BTFD_LIB_ENGINE_DEDUP_COMPARE_COMPARE_H_

#include <cstdint>
#include <memory_resource>
#include <vector>

#include "lib/engine/dedup/compare/fingerprints.h"
#include "lib/engine/dedup/compare/identity.h"
#include "lib/engine/dedup/compare/learning.h"
#include "lib/engine/dedup/compare/plain.h"
#include "lib/engine/dedup/state.h"

namespace btfd::engine::dedup {

// When failed comparisons are made to serve later ones. Never, where one could
// be kNotComparable: it must be found just where libbpf finds it.
enum class Learning { kNever, kWhenWorthIt, kAtOnce };

class Comparison {
 public:
  Comparison(State* state, SplitFingerprints* fingerprints, Learning learning);

  // Whether `candidate` is the same as `canonical`, by graph.
  Equality Compare(TypeId candidate, TypeId canonical);
  // After kSame: true if that would need a change of the base, a forward of
  // which would become a struct or union. Then it is not the same after all.
  bool would_change_base() const { return would_change_base_; }
  // After kSame: makes known what the comparison found out; the two types
  // themselves included, unless it would change the base.
  void Merge();

 private:
  template <typename Way>
  Equality CompareBy(Way* way, TypeId candidate, TypeId canonical);
  void CountFailure();

  State* state_;
  Learning learning_;
  Identity identity_;
  PlainComparison plain_;
  LearningComparison learning_comparison_;
  bool learns_ = false;
  std::pmr::vector<TypeId> mapped_;  // by one Merge()
  uint64_t wasted_ = 0;              // pairs assumed in comparisons that failed

  // Of the last comparison.
  bool would_change_base_ = false;
  const std::pmr::vector<Assumption>* assumed_ = nullptr;
};

}  // namespace btfd::engine::dedup

#endif  // BTFD_LIB_ENGINE_DEDUP_COMPARE_COMPARE_H_
