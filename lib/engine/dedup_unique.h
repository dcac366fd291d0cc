// SPDX-License-Identifier: Apache-2.0
//
// Types that nothing else can be taken for. Internal to dedup.
#ifndef BTFD_LIB_ENGINE_DEDUP_UNIQUE_H_
#define BTFD_LIB_ENGINE_DEDUP_UNIQUE_H_

#include <cstdint>
#include <memory_resource>
#include <vector>

#include "lib/engine/dedup_fingerprints.h"
#include "lib/engine/dedup_state.h"

namespace btfd::engine::dedup {

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
  };
  struct Signed {
    uint64_t signature;
    TypeId id;
  };

  struct BySignature {
    bool operator()(const Signed& a, const Signed& b) const {
      return a.signature < b.signature;
    }
  };

  Mark& At(TypeId id) { return marks_[id - types_.first()]; }
  bool IsUniqueCyclic(TypeId id) {
    return types_.is_own(id) && At(id) == kCyclic;
  }
  void MarkCyclic(TypeId start);
  uint64_t Signature(const TypeRecord& type);
  void SignPlain();
  bool RemoveCyclicCopies();
  bool IsHeldInBase(TypeId candidate, TypeId canonical, uint64_t signature);

  const Types& types_;
  const btf::DedupIndex* index_;
  SplitFingerprints* fingerprints_;
  std::pmr::vector<Mark> marks_;    // by own id
  std::pmr::vector<Signed> plain_;  // ascending signatures
  std::pmr::vector<TypeId> stack_;
};

}  // namespace btfd::engine::dedup

#endif  // BTFD_LIB_ENGINE_DEDUP_UNIQUE_H_
