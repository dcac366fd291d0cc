// SPDX-License-Identifier: Apache-2.0
//
// Comparisons that learn from those that failed. Internal to dedup.
#ifndef BTFD_LIB_ENGINE_DEDUP_COMPARE_LEARNING_H_
#define BTFD_LIB_ENGINE_DEDUP_COMPARE_LEARNING_H_

#include <cstdint>
#include <memory_resource>
#include <vector>

#include "lib/engine/dedup/compare/fingerprints.h"
#include "lib/engine/dedup/compare/identity.h"
#include "lib/engine/dedup/compare/pair_graph.h"
#include "lib/engine/dedup/compare/unique_types.h"
#include "lib/engine/dedup/compare/walk.h"
#include "lib/engine/dedup/state.h"

namespace btfd::engine::dedup {

class LearningComparison {
 public:
  LearningComparison(const State* state, Identity* identity,
                     SplitFingerprints* fingerprints);

  // To be called first. False if there is no learning from this module.
  bool Begin();
  // kTooMuchWork where the pairs are too many, too.
  Equality Compare(TypeId candidate, TypeId canonical);
  // Of the last comparison.
  const std::pmr::vector<Assumption>& assumed() const { return assumed_; }
  bool would_change_base() const { return would_change_base_; }
  // To be called where types were mapped: these own ones, and maybe some of the
  // base.
  void TypesWereMapped(const std::pmr::vector<TypeId>& own, bool and_base);

  // For Walk().
  using Part = PairGraph::Part;
  bool IsSettled(const Part& part) { return graph_.IsSettled(part.pair); }
  TypeId CandidateOf(const Part& part) const {
    return graph_[part.pair].candidate;
  }
  TypeId Assume(const Part* part);
  Step Enter(const Part* part);
  bool NextPending(Part* part);
  void Failed(Step failure, const Part& part);

 private:
  // Parts of a pair, yet to be compared.
  struct Pending {
    uint32_t next;
    uint32_t end;
  };
  // A pair that is relied on, in the list of the own type that is the root of
  // one of its sides.
  struct ReliedOn {
    PairId pair;
    uint32_t next;
  };
  struct Question {
    TypeId candidate;
    TypeId canonical;
  };

  Equality Run(PairId pair, uint64_t max_visits);
  void Forget();
  void ForgetLearned();
  void ClearReliedOn();

  // See learning_refute.cc.
  bool IsForced(PairId pair);
  bool IsKnownToFail(TypeId candidate, TypeId canonical);
  bool IsRefuted(TypeId candidate, TypeId canonical) const;
  void AnswerOpenQuestions();
  bool HasRefutedPart(PairId pair);
  void LearnContradiction(const Part& part);
  void MarkLeadingTo(PairId target, uint8_t mark);
  void RelyOn(PairId pair);
  void MarkRefuted(PairId pair);
  void Spread(PairId pair);
  void Refute(PairId pair, bool is_forced);
  void RelyOnRoot(TypeId id, PairId pair);
  void RecheckLearned(const std::pmr::vector<TypeId>& mapped);

  const State* state_;
  Identity* identity_;
  UniqueTypes unique_;
  PairGraph graph_;
  uint32_t walk_ = 0;  // number of the comparison
  std::pmr::vector<Assumption> assumed_;
  std::pmr::vector<Pending> pending_;
  bool would_change_base_ = false;

  bool has_learned_ = false;                    // whether any pair is relied on
  std::pmr::vector<ReliedOn> relied_on_;        // the first is none
  std::pmr::vector<uint32_t> first_relied_on_;  // by own id; see ReliedOn
  std::pmr::vector<PairId> to_spread_;  // refuted; what uses them is, too
  std::pmr::vector<Question> open_questions_;
  std::pmr::vector<uint8_t> marks_;  // by pair
  std::pmr::vector<PairId> marked_;
  std::pmr::vector<PairId> stack_;
  std::pmr::vector<TypeId> others_;
  std::pmr::vector<TypeId> others_of_element_;
};

}  // namespace btfd::engine::dedup

#endif  // BTFD_LIB_ENGINE_DEDUP_COMPARE_LEARNING_H_
