// SPDX-License-Identifier: Apache-2.0
//
// Types that nothing else can be taken for. Internal to dedup.
#ifndef BTFD_LIB_ENGINE_DEDUP_COMPARE_UNIQUE_TYPES_H_
#define BTFD_LIB_ENGINE_DEDUP_COMPARE_UNIQUE_TYPES_H_

#include <cstdint>
#include <memory_resource>
#include <vector>

#include "lib/engine/dedup/compare/fingerprints.h"
#include "lib/engine/dedup/state.h"
#include "lib/util/probe_map.h"

namespace btfd::engine::dedup {

// Types by signature, in lists.
class SignatureTable {
 public:
  struct Entry {
    uint64_t signature;
    TypeId id;
    uint32_t next;  // of the same signature; 0 at the end
  };

  SignatureTable(util::WorkBudget* work, std::pmr::memory_resource* memory)
      : work_(work), entries_(memory), first_(memory) {}

  // To be called once, with about as many types as will be added.
  void Reserve(size_t count);
  // Returns the type that was first of that signature, or 0.
  TypeId Add(uint64_t signature, TypeId id);
  // Of the lists' entries none moves before the next Add().
  const Entry* First(uint64_t signature) const;
  const Entry* Next(const Entry& entry) const {
    return entry.next == 0 ? nullptr : &entries_[entry.next];
  }

 private:
  // 0 is no key. A signature is a hash, so 0 and 1 may as well be one.
  static uint64_t KeyOf(uint64_t signature) {
    return signature == 0 ? 1 : signature;
  }

  util::WorkBudget* work_;           // a step for each slot that is in the way
  std::pmr::vector<Entry> entries_;  // the first is no entry
  util::ProbeMap<uint64_t, uint32_t> first_;  // of entries_, by signature
};

class UniqueTypes {
 public:
  // Nothing is pinned before Find().
  UniqueTypes(const State& state, SplitFingerprints* fingerprints);

  // False if that was given up: a chain of copies of copies that no sensible
  // input has.
  bool Find();

  // Let a comparison succeed in which `candidate` was accepted for `canonical`,
  // their roots being different. True if it has assumed just this pair, or one
  // of *others for `canonical`; and not yet something else that is identical
  // with `candidate`. False whenever in doubt, or if there are many others.
  bool IsPinned(TypeId candidate, TypeId canonical,
                std::pmr::vector<TypeId>* others);

 private:
  enum Mark : uint8_t {
    kNotSeen,
    kOpen,
    kPlain,  // leads to no cycle of own types, other than by an ARRAY
    kCyclic,
    kCyclicCopied,
    kCyclicLost,  // the same; what refers to it is not looked at yet
  };
  Mark& At(TypeId id) { return marks_[id - types_.first()]; }
  bool IsUniqueCyclic(TypeId id) {
    return types_.is_own(id) && At(id) == kCyclic;
  }
  void MarkCyclic(TypeId start);
  uint64_t Signature(const TypeRecord& type);
  void SignCyclic(TypeId id);
  bool HasLostPart(const TypeRecord& type);
  bool MarkLost();
  bool IsHeldInBase(TypeId candidate, TypeId canonical, uint64_t signature);

  const Types& types_;
  util::WorkBudget* work_;
  const btf::DedupIndex* index_;
  SplitFingerprints* fingerprints_;
  std::pmr::vector<Mark> marks_;  // by own id
  SignatureTable plain_;
  SignatureTable cyclic_;
  std::pmr::vector<TypeId> lost_;  // of this round
  std::pmr::vector<TypeId> stack_;
};

}  // namespace btfd::engine::dedup

#endif  // BTFD_LIB_ENGINE_DEDUP_COMPARE_UNIQUE_TYPES_H_
