// SPDX-License-Identifier: Apache-2.0
//
// Whether two types are the same by their records alone. Internal to dedup.
#ifndef BTFD_LIB_ENGINE_DEDUP_COMPARE_IDENTITY_H_
#define BTFD_LIB_ENGINE_DEDUP_COMPARE_IDENTITY_H_

#include <cstdint>
#include <memory_resource>
#include <vector>

#include "lib/engine/dedup/state.h"
#include "lib/util/probe_map.h"

namespace btfd::engine::dedup {

enum class Equality {
  kSame,
  kDifferent,
  kNotComparable,  // met a VAR, DATASEC or DECL_TAG: libbpf says EINVAL
  kEndless,        // met a cycle of mere references, or of structs that
                   // contain each other: libbpf hangs or crashes
  kTooMuchWork,    // the request's budget is exhausted
};

// libbpf's second chance where an assumption is contradicted: compilers repeat
// types within one unit. Looks at records only, not at what stands for what,
// so its answers hold for the whole run and are kept.
class Identity {
 public:
  explicit Identity(const State& state);

  Equality Compare(TypeId a, TypeId b);

 private:
  struct Answer {
    uint8_t same_from = 0xff;  // least depth that is known to say yes
    uint8_t different_to = 0;  // greatest depth that is known to say no
  };
  // IdentityRule::kRecords.
  Equality CompareRecords(TypeId a, TypeId b);
  Equality CompareStructs(TypeId a, TypeId b, int nesting);
  // IdentityRule::kDeep.
  Equality Compare(TypeId a, TypeId b, int depth);
  Equality CompareParts(TypeId a, TypeId b, int depth);
  Answer& Find(TypeId a, TypeId b);

  const Types& types_;
  const IdentityRule rule_;
  util::WorkBudget* work_;
  // By both ids, the lower one in the upper half.
  util::ProbeMap<uint64_t, Answer> answers_;
};

}  // namespace btfd::engine::dedup

#endif  // BTFD_LIB_ENGINE_DEDUP_COMPARE_IDENTITY_H_
