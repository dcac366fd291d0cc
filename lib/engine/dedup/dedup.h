// SPDX-License-Identifier: Apache-2.0
//
// Deduplication of a BTF's own types and strings against each other and
// against the base: the bytes of libbpf's btf__dedup, at the cost of the split.
#ifndef BTFD_LIB_ENGINE_DEDUP_DEDUP_H_
#define BTFD_LIB_ENGINE_DEDUP_DEDUP_H_

#include <memory_resource>
#include <vector>

#include "absl/status/status.h"
#include "lib/btf/btf.h"
#include "lib/btf/dedup_index.h"
#include "lib/engine/dedup/rules.h"
#include "lib/util/work_budget.h"

namespace btfd::engine {

struct DedupOptions {
  // Whose dedup it is.
  LibbpfRules rules = LibbpfRules::k1_8;
  // Strings stay as they are, in their order, those included that nothing
  // refers to: libbpf does so with a BTF that was made from scratch, the texts
  // of which are distinct and not in the base. Without it they are laid out
  // anew.
  bool keep_strings = false;
  // Learn from the first failed comparison on, not only once they have cost
  // more than learning does. Never changes the result; for tests.
  bool learn_at_once = false;
  // What comparing may cost; null: what ForInput() allows the own types.
  util::WorkBudget* work = nullptr;
};

// Deduplicates *btf in place. `index` belongs to btf->base() and is null
// exactly where that is. If `new_ids` is not null it gets, for each own type as
// it was, the id (own or the base's) that stands for it now.
//
// FailedPrecondition where libbpf says EOPNOTSUPP (unknown header content),
// InvalidArgument for EINVAL and ELOOP, and for more members than the rules'
// libbpf can count; ResourceExhausted where the work is
// more than the budget. On error *btf is left unspecified.
absl::Status Dedup(btf::Btf* btf, const btf::DedupIndex* index,
                   std::pmr::vector<btf::TypeId>* new_ids = nullptr,
                   const DedupOptions& options = {});

}  // namespace btfd::engine

#endif  // BTFD_LIB_ENGINE_DEDUP_DEDUP_H_
