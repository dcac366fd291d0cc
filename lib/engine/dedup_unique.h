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

  // True if a comparison that succeeds, and in which `candidate` was accepted
  // for `canonical` (their roots being different), has assumed just this pair;
  // and not that `canonical` corresponds to something identical with
  // `candidate`. False whenever in doubt.
  bool IsPinned(TypeId candidate, TypeId canonical);

 private:
  enum Mark : uint8_t {
    kNotSeen,
    kOpen,
    kPlain,        // leads to no cycle of own types, other than by an ARRAY
    kPlainCopied,  // the same, and other own types are like it
    kCyclic,
    kCyclicCopied,
  };
  struct Signed {
    uint64_t signature;
    TypeId id;
  };

  Mark& At(TypeId id) { return marks_[id - types_.first()]; }
  bool IsUniqueCyclic(TypeId id) {
    return types_.is_own(id) && At(id) == kCyclic;
  }
  void MarkCyclic(TypeId start);
  uint64_t Signature(const TypeRecord& type);
  void FindPlainCopies();
  bool RemoveCyclicCopies();
  bool IsOwnPinned(TypeId candidate, TypeId canonical);
  bool IsBasePinned(TypeId candidate, TypeId canonical);

  const Types& types_;
  const btf::DedupIndex* index_;
  SplitFingerprints* fingerprints_;
  std::pmr::vector<Mark> marks_;  // by own id
  // Signatures of own types that are plain, ascending.
  std::pmr::vector<uint64_t> plain_;
  std::pmr::vector<TypeId> stack_;
};

}  // namespace btfd::engine::dedup

#endif  // BTFD_LIB_ENGINE_DEDUP_UNIQUE_H_
