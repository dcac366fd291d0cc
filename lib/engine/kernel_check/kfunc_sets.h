// SPDX-License-Identifier: Apache-2.0
//
// What the kernel asks of a module's kfuncs when the module's start registers
// them; without them, most modules do not start. Source: Linux
// kernel/bpf/btf.c of 6.12 and 7.2 (register_btf_kfunc_id_set() and what it
// calls).
#ifndef BTFD_LIB_ENGINE_KERNEL_CHECK_KFUNC_SETS_H_
#define BTFD_LIB_ENGINE_KERNEL_CHECK_KFUNC_SETS_H_

#include "absl/status/status.h"
#include "lib/btf/base.h"
#include "lib/btf/btf.h"
#include "lib/engine/btf_ids.h"
#include "lib/engine/kernel_check/kernel_check.h"

namespace btfd::engine {

// Checks the SET8s of `ids` that are flagged as kfuncs', as finalization has
// left them for `btf`: a split BTF, over its .BTF.base if it has one, that
// KernelCheck() has passed. `vmlinux` may be null: what is asked of the
// kernel's own functions is then left out. Costs O(ids).
//
// InvalidArgument for the first entry that is refused, with set, type and rule;
// also for a set that nobody has resolved, which the kernel takes for empty.
absl::Status KernelCheckKfuncs(const BtfIds& ids, const btf::Btf& btf,
                               const btf::Base* vmlinux,
                               const KernelRules& rules);

}  // namespace btfd::engine

#endif  // BTFD_LIB_ENGINE_KERNEL_CHECK_KFUNC_SETS_H_
