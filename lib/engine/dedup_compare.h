// SPDX-License-Identifier: Apache-2.0
//
// Whether two types are the same as graphs: libbpf's comparison of an own type
// (the candidate side) with one that is canonical already. Internal to dedup.
#ifndef BTFD_LIB_ENGINE_DEDUP_COMPARE_H_
#define BTFD_LIB_ENGINE_DEDUP_COMPARE_H_

#include <cstdint>
#include <memory_resource>
#include <vector>

#include "lib/engine/dedup_state.h"

namespace btfd::engine::dedup {

enum class Verdict {
  kSame,
  kDifferent,
  kNotComparable,  // met a VAR, DATASEC or DECL_TAG: libbpf says EINVAL
  kEndless,        // met a cycle of mere references: libbpf hangs
};

// What one comparison assumes: that a type of the canonical side corresponds to
// one of the candidate side.
class Hypothesis {
 public:
  struct Pair {
    TypeId canonical;
    TypeId candidate;
  };

  explicit Hypothesis(const State& state);

  void Clear();
  // What `canonical` is assumed to correspond to already. Else records the new
  // assumption and returns kUnset.
  TypeId Assume(TypeId canonical, TypeId candidate);
  // All assumptions, oldest first.
  const std::pmr::vector<Pair>& pairs() const { return pairs_; }

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
  BaseSlot& Find(TypeId canonical);
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
  std::pmr::vector<Answer> answers_;  // linear probing, a power of two
  size_t used_ = 0;
};

class Comparison {
 public:
  explicit Comparison(State* state);

  // Whether `candidate` is the same as `canonical`, by graph.
  Verdict Compare(TypeId candidate, TypeId canonical);
  // After kSame: true if that would need a change of the base, a forward of
  // which would become a struct or union. Then it is not the same after all.
  bool would_change_base() const { return would_change_base_; }
  // After kSame: makes known what the comparison found out.
  void Merge();

 private:
  // Pairs of ids in two records, yet to be compared.
  struct Pending {
    const uint32_t* candidate;
    const uint32_t* canonical;
    uint32_t left;
    uint32_t stride;  // words
  };
  enum class Step { kAccept, kReject, kFollow, kNotComparable, kEndless };

  Step Visit(TypeId* candidate, TypeId* canonical);
  Step VisitRecords(TypeId* candidate, TypeId* canonical);
  Step VisitForward(const TypeRecord& candidate, const TypeRecord& canonical,
                    TypeId canonical_id);
  bool NextPending(TypeId* candidate, TypeId* canonical);
  TypeId ForwardRoot(TypeId id) const;

  State* state_;
  Hypothesis hypothesis_;
  Identity identity_;
  std::pmr::vector<Pending> pending_;
  bool would_change_base_ = false;
};

}  // namespace btfd::engine::dedup

#endif  // BTFD_LIB_ENGINE_DEDUP_COMPARE_H_
