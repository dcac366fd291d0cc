// SPDX-License-Identifier: Apache-2.0
//
// The comparison of two graphs of types. libbpf walks both sides at once, depth
// first, and stops at the first pair that differs: all pairs must be the same
// for the answer to be yes. So there is nothing to come back to, and a list of
// parts yet to be looked at replaces the recursion; taken in libbpf's order,
// because the first pair of a canonical type decides what the type is assumed
// to be.
//
// There is one walk, and two ways to keep the pairs that it meets: for the walk
// alone (plain.h), and in a graph that the next walk finds ready
// (learning.h). What the walk decides is the same, since both ways ask
// CompareRecords() and Identity; the second may only say no earlier. Internal
// to dedup.
#ifndef BTFD_LIB_ENGINE_DEDUP_COMPARE_WALK_H_
#define BTFD_LIB_ENGINE_DEDUP_COMPARE_WALK_H_

#include <cstdint>
#include <memory_resource>
#include <vector>

#include "absl/base/attributes.h"
#include "lib/engine/dedup/compare/identity.h"
#include "lib/engine/dedup/compare/records.h"
#include "lib/engine/dedup/state.h"

namespace btfd::engine::dedup {

// Of a comparison: that a type of the canonical side corresponds to one of the
// candidate side.
struct Assumption {
  TypeId candidate;
  TypeId canonical;
};

enum class Step {
  kAccept,
  kFollow,         // accept, if the part that was put in place is
  kMismatch,       // the records differ
  kRefuted,        // by an earlier comparison
  kContradiction,  // another type is assumed
  kNotComparable,
  kEndless,
  kTooMuchWork,
};

// What follows from two records alone; their parts are yet to be compared.
inline Step StepOf(RecordEquality record_equality, bool* would_change_base) {
  switch (record_equality) {
    case RecordEquality::kSame:
      break;
    case RecordEquality::kDifferent:
      return Step::kMismatch;
    case RecordEquality::kWouldChangeBase:
      *would_change_base = true;
      break;
    case RecordEquality::kNotComparable:
      return Step::kNotComparable;
  }
  return Step::kAccept;
}

// Pairs::Part is a pair of types, as a part of another. IsSettled() tells
// whether its sides have the same root. Assume() returns the candidate that is
// assumed for the canonical type already; if none is, it assumes this one and
// returns kUnset. Then Enter() looks at the records; parts become pending, or
// one is put in place of the pair. Inlined by force: a call would add 7 % to
// all the instructions that a small module takes.
template <typename Pairs>
ABSL_ATTRIBUTE_ALWAYS_INLINE inline Step Visit(Pairs* pairs, Identity* identity,
                                               typename Pairs::Part* part) {
  if (pairs->IsSettled(*part)) return Step::kAccept;
  const TypeId assumed = pairs->Assume(part);
  if (assumed == kUnset) return pairs->Enter(part);
  const TypeId candidate = pairs->CandidateOf(*part);
  if (assumed == candidate) return Step::kAccept;
  switch (identity->Compare(assumed, candidate)) {
    case Equality::kSame:
      return Step::kAccept;
    case Equality::kEndless:
      return Step::kEndless;
    case Equality::kTooMuchWork:
      return Step::kTooMuchWork;
    default:
      return Step::kContradiction;
  }
}

// Gives up with kTooMuchWork after `max_visits`. Pairs::NextPending() gets the
// next part, if there is one; Failed() is told of the one that decided.
template <typename Pairs>
Equality Walk(const State& state, Pairs* pairs, Identity* identity,
              typename Pairs::Part part, uint64_t max_visits) {
  for (uint64_t visits = 0; visits < max_visits; ++visits) {
    state.work->Spend(1);
    if (state.work->exhausted()) break;
    const Step step = Visit(pairs, identity, &part);
    switch (step) {
      case Step::kFollow:
        break;
      case Step::kAccept:
        if (!pairs->NextPending(&part)) return Equality::kSame;
        break;
      case Step::kMismatch:
      case Step::kRefuted:
      case Step::kContradiction:
        pairs->Failed(step, part);
        return Equality::kDifferent;
      case Step::kNotComparable:
        return Equality::kNotComparable;
      case Step::kEndless:
        return Equality::kEndless;
      case Step::kTooMuchWork:
        return Equality::kTooMuchWork;
    }
  }
  return Equality::kTooMuchWork;
}

}  // namespace btfd::engine::dedup

#endif  // BTFD_LIB_ENGINE_DEDUP_COMPARE_WALK_H_
