// SPDX-License-Identifier: Apache-2.0
//
// What a failed comparison teaches.
//
// Why. A split full of near-identical copies makes libbpf walk the same graphs
// again and again: each comparison runs until it meets two copies, c and c',
// where the canonical side has one type k. This failure says nothing about the
// pairs on the way, because (c', k) is a contradiction only if (c, k) was
// assumed before. But the following holds.
//
//   Let a comparison succeed that has assumed the pair (x, k). Then it met all
//   parts of that pair and accepted them. A part (x', k') whose roots differ,
//   and that is pinned (unique_types.h), was assumed as well.
//
// So one assumption forces others, from pair to pair through pinned pairs. A
// pair is *refuted*, that is: no comparison that succeeds assumes it, if it
// forces
//   - a pair whose records differ, or
//   - a pair that is refuted already, or
//   - both (c, k) and a pair of which (c', k) is a part, for a pinned c' other
//     than c.
// A later comparison stops where it would assume a refuted pair.
//
//   Example. Candidates are the types 1, 2, 3, 4; canonical are the types 5, 6,
//   7:
//     1: struct list { struct head *a; struct item *b; }
//     2: struct head { long n; }     3: struct item { int n; }
//     4: struct user { struct list *l; }
//     5: struct list { struct head *a; struct item *b; }
//     6: struct head { long n; }     7: struct item { long n; }
//   Let all pairs be pinned. A comparison that starts at (4, ...) comes to (1,
//   5), then to (2, 6), which is the same, and to (3, 7), whose records differ:
//   it fails. (1, 5) forces (3, 7), so (1, 5) is refuted, and so is every pair
//   that forces (1, 5). The next comparison that comes to (1, 5), from
//   wherever, stops there without a look at the rest of the list.
//
// When this ends. All of this is about roots that differ. A pair whose roots
// were taken to differ is marked as relied on. As soon as types are mapped such
// that the roots of a marked pair become equal, all that was learned is
// forgotten.
#include <algorithm>
#include <utility>

#include "lib/engine/dedup/compare/learning.h"

namespace btfd::engine::dedup {

namespace {
// Asked after one failed comparison.
constexpr int kMaxQuestions = 4;
// Of which these are chosen.
constexpr size_t kMaxOpenQuestions = 64;
// Spent on one of them: an answer that takes longer is not worth it.
constexpr uint64_t kMaxVisits = 1000;
}  // namespace

bool LearningComparison::IsRefuted(TypeId candidate, TypeId canonical) const {
  const PairId pair = graph_.Find(candidate, canonical);
  return pair != kNoPair && graph_[pair].refuted;
}

// Whether a comparison that succeeds and has accepted the pair must have
// assumed it: it is pinned, and nothing else that it could be pinned to is
// left.
bool LearningComparison::IsForced(PairId pair) {
  if (graph_[pair].pin == Pin::kFree) return false;
  if (graph_[pair].pin == Pin::kPinned) return true;
  const TypeId candidate = graph_[pair].candidate;
  const TypeId canonical = graph_.canonical(pair);
  // Its signature is taken.
  state_->work->Spend(1 + state_->types[canonical].vlen());
  if (!unique_.IsPinned(candidate, canonical, &others_)) {
    graph_[pair].pin = Pin::kFree;
    return false;
  }
  if (others_.empty()) {
    graph_[pair].pin = Pin::kPinned;
    return true;
  }
  bool forced = true;
  for (const TypeId other : others_) {
    if (IsKnownToFail(other, canonical)) continue;
    forced = false;
    if (open_questions_.size() < kMaxOpenQuestions) {
      open_questions_.push_back({other, canonical});
    }
  }
  return forced;
}

// What keeps a pair from being forced is another that might take its place.
// Comparing that one, to no other end, may refute it, and much hangs on it.
void LearningComparison::AnswerOpenQuestions() {
  for (int i = 0; i < kMaxQuestions && !open_questions_.empty();) {
    const Question question = open_questions_.back();
    open_questions_.pop_back();
    const PairId pair = graph_.Get(question.candidate, question.canonical);
    if (graph_[pair].tried) continue;
    graph_[pair].tried = true;
    ++i;
    Run(pair, kMaxVisits);
  }
  open_questions_.clear();
}

// Whether assuming the pair is refuted, be it by its first part.
bool LearningComparison::IsKnownToFail(TypeId candidate, TypeId canonical) {
  if (IsRefuted(candidate, canonical)) return true;
  const TypeRecord& type = state_->types[candidate];
  const TypeRecord& other = state_->types[canonical];
  if (type.kind() != Kind::kArray || other.kind() != Kind::kArray) return false;
  const TypeId element = type.array().element;
  const TypeId other_element = other.array().element;
  if (state_->Root(element) == state_->Root(other_element)) return false;
  const TypeId real = state_->ForwardRoot(other_element);
  if (!IsRefuted(element, real)) return false;
  return unique_.IsPinned(element, real, &others_of_element_) &&
         others_of_element_.empty();
}

// Of a pair whose parts were just found: a part that was refuted before.
bool LearningComparison::HasRefutedPart(PairId pair) {
  for (uint32_t i = graph_[pair].parts; i != graph_[pair].end; ++i) {
    const PairId part = graph_.part(i).pair;
    if (graph_[part].refuted && IsForced(part)) return true;
  }
  return false;
}

void LearningComparison::RelyOn(PairId pair) {
  if (graph_[pair].relied_on) return;
  graph_[pair].relied_on = true;
  has_learned_ = true;
  RelyOnRoot(graph_[pair].candidate, pair);
  RelyOnRoot(graph_.canonical(pair), pair);
}

void LearningComparison::RelyOnRoot(TypeId id, PairId pair) {
  const TypeId root = state_->Root(id);
  if (!state_->types.is_own(root)) return;
  uint32_t& first = first_relied_on_[root - state_->types.first()];
  relied_on_.push_back({pair, first});
  first = static_cast<uint32_t>(relied_on_.size() - 1);
}

void LearningComparison::MarkRefuted(PairId id) {
  if (graph_[id].refuted) return;
  RelyOn(id);
  graph_[id].refuted = true;
  // This may have been all that others of the slot could be pinned to instead.
  const PairId first = graph_.slot_of(graph_[id]).first;
  for (PairId other = first; other != kNoPair; other = graph_[other].next) {
    state_->work->Spend(1);
    if (other != id && graph_[other].refuted) Spread(other);
  }
}

void LearningComparison::Spread(PairId pair) {
  if (graph_[pair].spread || !IsForced(pair)) return;
  graph_[pair].spread = true;
  to_spread_.push_back(pair);
}

// Refutes the pair, and what cannot be assumed without it.
void LearningComparison::Refute(PairId id, bool is_forced) {
  MarkRefuted(id);
  if (is_forced && !graph_[id].spread) {
    graph_[id].spread = true;
    to_spread_.push_back(id);
  } else {
    Spread(id);
  }
  while (!to_spread_.empty()) {
    const PairId pair = to_spread_.back();
    to_spread_.pop_back();
    for (uint32_t i = graph_[pair].uses; i != 0; i = graph_.part(i).next_use) {
      state_->work->Spend(1);
      const PairId in = graph_.part(i).in;
      if (graph_[in].refuted || graph_.IsSettled(in)) continue;
      MarkRefuted(in);
      Spread(in);
    }
  }
}

// Marks the pairs that this comparison has assumed and that lead to `target`.
void LearningComparison::MarkLeadingTo(PairId target, uint8_t mark) {
  auto reach = [&](PairId pair) {
    if (graph_[pair].walk != walk_ || (marks_[pair] & mark) != 0) return;
    if (marks_[pair] == 0) marked_.push_back(pair);
    marks_[pair] |= mark;
    stack_.push_back(pair);
  };
  reach(target);
  while (!stack_.empty()) {
    const PairId pair = stack_.back();
    stack_.pop_back();
    if (!IsForced(pair)) continue;
    for (uint32_t i = graph_[pair].uses; i != 0; i = graph_.part(i).next_use) {
      state_->work->Spend(1);
      reach(graph_.part(i).in);
    }
  }
}

void LearningComparison::Failed(Step failure, const Part& part) {
  if (failure == Step::kContradiction) {
    LearnContradiction(part);
    return;
  }
  // What is identical with a type whose record differs from the canonical
  // one's differs as well; but for enums, where an empty one is like any.
  const bool none_fits =
      failure == Step::kMismatch &&
      !btf::IsAnyEnum(state_->types[graph_[part.pair].candidate].kind());
  Refute(part.pair, none_fits);
}

// The part contradicts what its slot has assumed.
void LearningComparison::LearnContradiction(const Part& part) {
  constexpr uint8_t kToAssumed = 1;
  constexpr uint8_t kToPart = 2;
  marks_.resize(graph_.size(), 0);
  marked_.clear();
  MarkLeadingTo(graph_.slot_of(graph_[part.pair]).assumed, kToAssumed);
  MarkLeadingTo(part.in, kToPart);
  RelyOn(part.pair);
  for (const PairId marked : marked_) RelyOn(marked);
  for (const PairId marked : marked_) {
    if (marks_[marked] == (kToAssumed | kToPart)) {
      Refute(marked, /*is_forced=*/false);
    }
    marks_[marked] = 0;
  }
}

// After types were mapped: whether what was learned still holds.
void LearningComparison::RecheckLearned(
    const std::pmr::vector<TypeId>& mapped) {
  for (const TypeId id : mapped) {
    const TypeId root = state_->Root(id);
    uint32_t& first = first_relied_on_[id - state_->types.first()];
    for (uint32_t i = std::exchange(first, 0); i != 0;) {
      state_->work->Spend(1);
      const auto [pair, next] = relied_on_[i];
      if (graph_.IsSettled(pair)) {
        ForgetLearned();
        return;
      }
      if (state_->types.is_own(root)) {
        uint32_t& other = first_relied_on_[root - state_->types.first()];
        relied_on_[i].next = std::exchange(other, i);
      }
      i = next;
    }
  }
}

void LearningComparison::ForgetLearned() {
  if (!has_learned_) return;
  state_->work->Spend(graph_.size());
  graph_.ForgetMarks();
  ClearReliedOn();
}

void LearningComparison::ClearReliedOn() {
  state_->work->Spend(first_relied_on_.size() / 8);
  relied_on_.assign(1, ReliedOn{});
  std::fill(first_relied_on_.begin(), first_relied_on_.end(), 0);
  has_learned_ = false;
}

}  // namespace btfd::engine::dedup
