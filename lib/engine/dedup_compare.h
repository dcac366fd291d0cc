// SPDX-License-Identifier: Apache-2.0
//
// Whether two types are the same as graphs: libbpf's comparison of an own type
// (the candidate side) with one that is canonical already. Internal to dedup.
#ifndef BTFD_LIB_ENGINE_DEDUP_COMPARE_H_
#define BTFD_LIB_ENGINE_DEDUP_COMPARE_H_

#include <cstdint>
#include <memory_resource>
#include <vector>

#include "lib/engine/dedup_fingerprints.h"
#include "lib/engine/dedup_refutation.h"
#include "lib/engine/dedup_state.h"
#include "lib/engine/dedup_unique.h"

namespace btfd::engine::dedup {

enum class Verdict {
  kSame,
  kDifferent,
  kNotComparable,  // met a VAR, DATASEC or DECL_TAG: libbpf says EINVAL
  kEndless,        // met a cycle of mere references: libbpf hangs
  kTooMuchWork,    // the request's budget is exhausted
};

// What one comparison assumes: that a type of the canonical side corresponds to
// one of the candidate side.
class Hypothesis {
 public:
  struct Pair {
    TypeId canonical;
    TypeId candidate;
  };

  static constexpr uint32_t kNone = 0xffffffff;

  explicit Hypothesis(const State& state);

  void Clear();
  // The number of the pair that `canonical` is assumed to be in already. Else
  // adds the pair, numbered next, and returns kNone.
  uint32_t Assume(TypeId canonical, TypeId candidate) {
    const auto next = static_cast<uint32_t>(pairs_.size());
    if (canonical >= first_own_) {
      OwnSlot& slot = own_[canonical - first_own_];
      if (slot.epoch == epoch_) return slot.pair;
      slot = {epoch_, next};
    } else {
      BaseSlot& slot = Find(canonical);
      if (slot.epoch == epoch_) return slot.pair;
      slot = {epoch_, canonical, next};
      ++base_used_;
    }
    pairs_.push_back({canonical, candidate});
    if (base_used_ * 2 > base_.size()) Grow();
    return kNone;
  }
  // All assumptions, oldest first.
  const std::pmr::vector<Pair>& pairs() const { return pairs_; }

 private:
  struct OwnSlot {
    uint32_t epoch = 0;
    uint32_t pair = 0;
  };
  struct BaseSlot {
    uint32_t epoch = 0;
    TypeId canonical = 0;
    uint32_t pair = 0;
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
  std::pmr::vector<Pair> pairs_;
};

// libbpf's second chance where an assumption is contradicted: compilers repeat
// types within one unit. Looks at records only, not at what stands for what,
// so its answers hold for the whole run and are kept.
class Identity {
 public:
  explicit Identity(const State& state);

  Verdict Compare(TypeId a, TypeId b);

 private:
  struct Answer {
    uint64_t pair = 0;
    uint8_t same_from = 0xff;  // least depth that is known to say yes
    uint8_t different_to = 0;  // greatest depth that is known to say no
  };
  Verdict Compare(TypeId a, TypeId b, int depth);
  Verdict CompareParts(TypeId a, TypeId b, int depth);
  Answer& Find(TypeId a, TypeId b);

  const Types& types_;
  util::WorkBudget* work_;
  std::pmr::vector<Answer> answers_;  // linear probing, a power of two
  size_t used_ = 0;
};

// When failed comparisons are made to serve later ones. Never, where one could
// be kNotComparable: it must be found just where libbpf finds it.
enum class Learning { kNever, kWhenWorthIt, kAtOnce };

class Comparison {
 public:
  Comparison(State* state, SplitFingerprints* fingerprints, Learning learning);

  // Whether `candidate` is the same as `canonical`, by graph.
  Verdict Compare(TypeId candidate, TypeId canonical);
  // After kSame: true if that would need a change of the base, a forward of
  // which would become a struct or union. Then it is not the same after all.
  bool would_change_base() const { return would_change_base_; }
  // After kSame: makes known what the comparison found out.
  void Merge();

 private:
  // Parts of a pair, yet to be compared.
  struct Pending {
    const uint32_t* candidate;
    const uint32_t* canonical;
    uint32_t left;
    uint32_t stride;  // words
    uint32_t of;      // number of the pair they are parts of
  };
  // Two ids to be compared next, as parts of pair `of`.
  struct Part {
    TypeId candidate;
    TypeId canonical;
    uint32_t of;
  };
  enum class Step {
    kAccept,
    kFollow,         // accept, if the part that was put in place is
    kMismatch,       // the records differ
    kContradiction,  // with pair contradicted_
    kRefuted,        // by an earlier comparison
    kNotComparable,
    kEndless,
    kTooMuchWork,
  };

  void Start();
  Verdict Walk(Part part);
  Step Visit(Part* part);
  Step VisitRecords(Part* part);
  Step VisitForward(const TypeRecord& candidate, const TypeRecord& canonical,
                    TypeId canonical_id);
  bool StandsFor(TypeId canonical, TypeId candidate) const;
  bool NextPending(Part* part);
  // Only the canonical side's forwards are seen through.
  TypeId ForwardRoot(TypeId id) const {
    if (state_->types[id].kind() != Kind::kFwd) return id;
    const TypeId root = state_->Root(id);
    return state_->types[root].kind() != Kind::kFwd ? root : id;
  }
  void CountFailure();
  bool IsForced(TypeId candidate, TypeId canonical);
  bool IsKnownToFail(TypeId candidate, TypeId canonical);
  void AnswerOpenQuestions();
  bool HasRefutedPart(const Pending& parts);
  // `of`: the pair that failed, or the one that the contradiction is a part of.
  void Learn(Step failure, uint32_t of);

  State* state_;
  Hypothesis hypothesis_;
  Identity identity_;
  std::pmr::vector<Pending> pending_;
  bool would_change_base_ = false;

  Learning learning_;
  bool learns_ = false;
  uint64_t wasted_ = 0;  // pairs assumed in comparisons that failed
  uint32_t contradicted_ = 0;
  UniqueTypes unique_;
  Refutations refutations_;
  Refutations tried_;  // pairs that were compared for the answer alone
  std::pmr::vector<Hypothesis::Pair> open_questions_;
  Trail trail_;
  std::pmr::vector<TypeId> others_;
};

}  // namespace btfd::engine::dedup

#endif  // BTFD_LIB_ENGINE_DEDUP_COMPARE_H_
