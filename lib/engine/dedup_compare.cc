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

// Far more than sensible modules have; in proportion to the input.
size_t MaxRefutations(const State& state) {
  return (size_t{1} << 16) + 8 * size_t{state.types.own_count()};
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

Comparison::Comparison(State* state, SplitFingerprints* fingerprints,
                       Learning learning)
    : state_(state),
      hypothesis_(*state),
      identity_(*state),
      pending_(state->memory),
      learning_(learning),
      unique_(*state, fingerprints),
      refutations_(state->memory, MaxRefutations(*state)),
      tried_(state->memory, MaxRefutations(*state)),
      open_questions_(state->memory),
      trail_(state->memory),
      others_(state->memory) {}

Comparison::Step Comparison::VisitForward(const TypeRecord& candidate,
                                          const TypeRecord& canonical,
                                          TypeId canonical_id) {
  const bool candidate_is_forward = candidate.kind() == Kind::kFwd;
  const TypeRecord& forward = candidate_is_forward ? candidate : canonical;
  const TypeRecord& real = candidate_is_forward ? canonical : candidate;
  const Kind declared = forward.kflag() ? Kind::kUnion : Kind::kStruct;
  if (real.kind() != declared) return Step::kMismatch;
  if (!candidate_is_forward && !state_->types.is_own(canonical_id)) {
    would_change_base_ = true;
  }
  return Step::kAccept;
}

// Precondition: the pair was just assumed. Its parts become pending; the first
// of them is put in place of the pair with kFollow.
Comparison::Step Comparison::VisitRecords(Part* part) {
  const TypeRecord& a = state_->types[part->candidate];
  const TypeRecord& b = state_->types[part->canonical];
  if (a.name_off != b.name_off) return Step::kMismatch;
  const Kind kind = a.kind();
  if (kind != b.kind()) {
    if (kind == Kind::kFwd || b.kind() == Kind::kFwd) {
      return VisitForward(a, b, part->canonical);
    }
    return Step::kMismatch;
  }
  const auto pair = static_cast<uint32_t>(hypothesis_.pairs().size() - 1);
  switch (kind) {
    case Kind::kInt:
      return btf::SameRecord(a, b) ? Step::kAccept : Step::kMismatch;
    case Kind::kEnum:
    case Kind::kEnum64:
      return SameEnum(a, b) ? Step::kAccept : Step::kMismatch;
    case Kind::kFwd:
    case Kind::kFloat:
      return btf::SameHead(a, b) ? Step::kAccept : Step::kMismatch;
    case Kind::kPtr:
    case Kind::kTypedef:
    case Kind::kVolatile:
    case Kind::kConst:
    case Kind::kRestrict:
    case Kind::kFunc:
    case Kind::kTypeTag:
      if (a.info != b.info) return Step::kMismatch;
      *part = {a.size_or_type, b.size_or_type, pair};
      return Step::kFollow;
    case Kind::kArray:
      if (!btf::SameHead(a, b) || a.array().count != b.array().count) {
        return Step::kMismatch;
      }
      pending_.push_back({a.tail(), b.tail(), 1, 1, pair});
      *part = {a.array().index, b.array().index, pair};
      return Step::kFollow;
    case Kind::kStruct:
    case Kind::kUnion:
      state_->work->Spend(a.vlen());
      if (!btf::SameShape(a, b)) return Step::kMismatch;
      if (a.vlen() != 0) {
        pending_.push_back({a.tail() + 1, b.tail() + 1, a.vlen(), 3, pair});
      }
      return Step::kAccept;
    case Kind::kFuncProto:
      state_->work->Spend(a.vlen());
      if (a.info != b.info || !SameParameterNames(a, b)) {
        return Step::kMismatch;
      }
      if (a.vlen() != 0) {
        pending_.push_back({a.tail() + 1, b.tail() + 1, a.vlen(), 2, pair});
      }
      *part = {a.size_or_type, b.size_or_type, pair};
      return Step::kFollow;
    default:
      return Step::kNotComparable;
  }
}

Comparison::Step Comparison::Visit(Part* part) {
  if (part->candidate == part->canonical) return Step::kAccept;
  if (state_->Root(part->candidate) == state_->Root(part->canonical)) {
    return Step::kAccept;
  }
  part->canonical = ForwardRoot(part->canonical);
  const uint32_t known = hypothesis_.Assume(part->canonical, part->candidate);
  if (known == Hypothesis::kNone) {
    if (!learns_) return VisitRecords(part);
    trail_.AddPair(part->of);
    if (refutations_.Contains(part->candidate, part->canonical)) {
      return Step::kRefuted;
    }
    const size_t before = pending_.size();
    const Step step = VisitRecords(part);
    return pending_.size() > before && HasRefutedPart(pending_.back())
               ? Step::kRefuted
               : step;
  }
  const TypeId assumed = hypothesis_.pairs()[known].candidate;
  if (assumed == part->candidate) {
    if (learns_) trail_.AddLink(part->of, known);
    return Step::kAccept;
  }
  contradicted_ = known;
  switch (identity_.Compare(assumed, part->candidate)) {
    case Verdict::kSame:
      return Step::kAccept;
    case Verdict::kEndless:
      return Step::kEndless;
    case Verdict::kTooMuchWork:
      return Step::kTooMuchWork;
    default:
      return Step::kContradiction;
  }
}

// Most parts are settled: that is found out here, without a visit.
bool Comparison::StandsFor(TypeId canonical, TypeId candidate) const {
  if (candidate == canonical) return true;
  return state_->types.is_own(candidate) &&
         state_->map[candidate - state_->types.first()] == canonical;
}

bool Comparison::NextPending(Part* part) {
  while (!pending_.empty()) {
    Pending& next = pending_.back();
    while (next.left != 0 && StandsFor(*next.canonical, *next.candidate)) {
      next.candidate += next.stride;
      next.canonical += next.stride;
      --next.left;
    }
    if (next.left == 0) {
      pending_.pop_back();
      continue;
    }
    *part = {*next.candidate, *next.canonical, next.of};
    next.candidate += next.stride;
    next.canonical += next.stride;
    if (--next.left == 0) pending_.pop_back();
    return true;
  }
  return false;
}

Verdict Comparison::Walk(Part part) {
  for (;;) {
    state_->work->Spend(1);
    if (state_->work->exhausted()) return Verdict::kTooMuchWork;
    const Part visited = part;
    const Step step = Visit(&part);
    switch (step) {
      case Step::kFollow:
        break;
      case Step::kAccept:
        if (!NextPending(&part)) return Verdict::kSame;
        break;
      case Step::kMismatch:
      case Step::kRefuted:
        // The pair itself, that was just assumed.
        if (learns_) {
          Learn(step, static_cast<uint32_t>(hypothesis_.pairs().size() - 1));
        }
        return Verdict::kDifferent;
      case Step::kContradiction:
        if (learns_) Learn(step, visited.of);
        return Verdict::kDifferent;
      case Step::kNotComparable:
        return Verdict::kNotComparable;
      case Step::kEndless:
        return Verdict::kEndless;
      case Step::kTooMuchWork:
        return Verdict::kTooMuchWork;
    }
  }
}

void Comparison::Start() {
  hypothesis_.Clear();
  would_change_base_ = false;
  pending_.clear();
  if (learns_) trail_.Clear();
}

Verdict Comparison::Compare(TypeId candidate, TypeId canonical) {
  Start();
  const Verdict verdict = Walk({candidate, canonical, Trail::kNone});
  if (verdict == Verdict::kDifferent) {
    if (learns_) {
      AnswerOpenQuestions();
    } else {
      CountFailure();
    }
  }
  return verdict;
}

void Comparison::Merge() {
  refutations_.Clear();
  tried_.Clear();
  open_questions_.clear();
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
