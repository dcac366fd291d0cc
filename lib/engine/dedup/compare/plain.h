// SPDX-License-Identifier: Apache-2.0
//
// Comparisons that know nothing of each other: all that most modules need.
// Internal to dedup.
#ifndef BTFD_LIB_ENGINE_DEDUP_COMPARE_PLAIN_H_
#define BTFD_LIB_ENGINE_DEDUP_COMPARE_PLAIN_H_

#include <cstdint>
#include <memory_resource>
#include <vector>

#include "lib/engine/dedup/compare/identity.h"
#include "lib/engine/dedup/compare/walk.h"
#include "lib/engine/dedup/state.h"

namespace btfd::engine::dedup {

// What one comparison assumes.
class Hypothesis {
 public:
  explicit Hypothesis(const State& state);

  void Clear();
  // The candidate that is assumed for `canonical` already. If there is none,
  // assumes this one and returns kUnset.
  TypeId Assume(TypeId candidate, TypeId canonical) {
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
    all_.push_back({candidate, canonical});
    if (base_used_ * 2 > base_.size()) Grow();
    return kUnset;
  }
  // Oldest first.
  const std::pmr::vector<Assumption>& all() const { return all_; }

 private:
  struct OwnSlot {
    uint32_t epoch = 0;
    TypeId candidate = 0;
  };
  struct BaseSlot {
    uint32_t epoch = 0;
    TypeId canonical = 0;
    TypeId candidate = 0;
  };
  BaseSlot& Find(TypeId canonical) {
    const size_t mask = base_.size() - 1;
    size_t i = (canonical * uint64_t{0x9e3779b97f4a7c15} >> 32) & mask;
    while (base_[i].epoch == epoch_ && base_[i].canonical != canonical) {
      i = (i + 1) & mask;
    }
    return base_[i];
  }
  void Grow();

  TypeId first_own_;
  uint32_t epoch_ = 1;  // slots of an older one are empty
  std::pmr::vector<OwnSlot> own_;
  std::pmr::vector<BaseSlot> base_;  // linear probing, a power of two
  uint32_t base_used_ = 0;
  std::pmr::vector<Assumption> all_;
};

class PlainComparison {
 public:
  PlainComparison(const State* state, Identity* identity);

  Equality Compare(TypeId candidate, TypeId canonical);
  // Of the last comparison.
  const std::pmr::vector<Assumption>& assumed() const {
    return hypothesis_.all();
  }
  bool would_change_base() const { return would_change_base_; }

  // For Walk().
  using Part = Assumption;
  bool IsSettled(const Part& part) const;
  TypeId CandidateOf(const Part& part) const { return part.candidate; }
  TypeId Assume(Part* part);
  Step Enter(Part* part);
  bool NextPending(Part* part);
  void Failed(Step, const Part&) {}

 private:
  // Parts of a pair, yet to be compared.
  struct Pending {
    const uint32_t* candidate;
    const uint32_t* canonical;
    uint32_t left;
    uint32_t stride;  // words
  };
  bool StandsFor(TypeId canonical, TypeId candidate) const;

  const State* state_;
  Identity* identity_;
  Hypothesis hypothesis_;
  std::pmr::vector<Pending> pending_;
  bool would_change_base_ = false;
};

}  // namespace btfd::engine::dedup

#endif  // BTFD_LIB_ENGINE_DEDUP_COMPARE_PLAIN_H_
