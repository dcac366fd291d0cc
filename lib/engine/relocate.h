// SPDX-License-Identifier: Apache-2.0
//
// A split BTF from its distilled base onto a real one, as the kernel does it
// when it loads a module with .BTF.base. The rules, odd ones included, are
// those of libbpf's btf__relocate() (Linux tools/lib/bpf/btf_relocate.c, 7.2).
#ifndef BTFD_LIB_ENGINE_RELOCATE_H_
#define BTFD_LIB_ENGINE_RELOCATE_H_

#include "absl/status/status.h"
#include "lib/btf/base.h"
#include "lib/btf/btf.h"
#include "lib/util/work_budget.h"

namespace btfd::engine {

// Rewrites ids and string offsets of *split, whose base is a distilled one, for
// `base`, which then is its base. Costs O(distilled base + split). Order,
// header and strings of *split stay.
//
// InvalidArgument, naming the type, where the distilled base has a type that
// does not belong there, that `base` does not have, or has more than once, and
// where a string of it is used that no type's name is. *split is then left
// unspecified.
// ResourceExhausted where `work`, if not null, is used up by types of one name.
absl::Status Relocate(btf::Btf* split, const btf::Base& base,
                      util::WorkBudget* work = nullptr);

}  // namespace btfd::engine

#endif  // BTFD_LIB_ENGINE_RELOCATE_H_
