// SPDX-License-Identifier: Apache-2.0
//
// The walk over the graph of pairs (pair_graph.h). What a pair leads to is
// looked up once; what failed comparisons taught (learning_refute.cc) ends a
// later one early, at a pair that no comparison which succeeds could assume.
#include "lib/engine/dedup/compare/learning.h"

namespace btfd::engine::dedup {

LearningComparison::LearningComparison(const State* state, Identity* identity,
                                       SplitFingerprints* fingerprints)
    : state_(state),
      identity_(identity),
      unique_(*state, fingerprints),
      graph_(state),
      assumed_(state->memory),
      pending_(state->memory),
      relied_on_(state->memory),
      first_relied_on_(state->memory),
      to_spread_(state->memory),
      open_questions_(state->memory),
      marks_(state->memory),
      marked_(state->memory),
      stack_(state->memory),
      others_(state->memory),
      others_of_element_(state->memory) {}

bool LearningComparison::Begin() {
  if (!unique_.Find()) return false;
  graph_.Clear();
  first_relied_on_.resize(state_->types.own_count());
  ClearReliedOn();
  return true;
}

inline TypeId LearningComparison::Assume(const Part* part) {
  Pair& pair = graph_[part->pair];
  CanonicalSlot& slot = graph_.slot_of(pair);
  if (slot.walk == walk_) return graph_[slot.assumed].candidate;
  slot.walk = walk_;
  slot.assumed = part->pair;
  pair.walk = walk_;
  assumed_.push_back({pair.candidate, slot.canonical});
  return kUnset;
}

inline Step LearningComparison::Enter(const Part* part) {
  const PairId id = part->pair;
  if (graph_[id].refuted) return Step::kRefuted;
  if (!graph_[id].opened) {
    graph_.Open(id);
    if (graph_.IsFull()) return Step::kTooMuchWork;
    if (HasRefutedPart(id)) return Step::kRefuted;
  }
  const Pair& pair = graph_[id];
  const Step step = StepOf(pair.record_equality, &would_change_base_);
  if (step == Step::kAccept && pair.parts != pair.end) {
    pending_.push_back({pair.parts, pair.end});
  }
  return step;
}

inline bool LearningComparison::NextPending(Part* part) {
  if (pending_.empty()) return false;
  Pending& next = pending_.back();
  *part = graph_.part(next.next);
  if (++next.next == next.end) pending_.pop_back();
  return true;
}

Equality LearningComparison::Run(PairId pair, uint64_t max_visits) {
  ++walk_;
  would_change_base_ = false;
  assumed_.clear();
  pending_.clear();
  return Walk(*state_, this, identity_, Part{pair, kNoPair, 0}, max_visits);
}

Equality LearningComparison::Compare(TypeId candidate, TypeId canonical) {
  if (graph_.IsFull()) Forget();
  const Equality equality = Run(graph_.Get(candidate, canonical), UINT64_MAX);
  if (equality == Equality::kDifferent) AnswerOpenQuestions();
  return equality;
}

void LearningComparison::TypesWereMapped(const std::pmr::vector<TypeId>& own,
                                         bool and_base) {
  switch (graph_.TypesWereMapped()) {
    case Upkeep::kAll:
      if (and_base) {
        ForgetLearned();
      } else {
        RecheckLearned(own);
      }
      break;
    case Upkeep::kNothingLearned:
      ForgetLearned();
      break;
    case Upkeep::kNothing:
      Forget();
      break;
  }
}

void LearningComparison::Forget() {
  state_->work->Spend(graph_.size());
  graph_.Clear();
  open_questions_.clear();
  marks_.clear();
  if (has_learned_) ClearReliedOn();
}

}  // namespace btfd::engine::dedup
