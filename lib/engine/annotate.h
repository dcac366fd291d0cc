// SPDX-License-Identifier: Apache-2.0
//
// What a module's BTF is to say of its kfuncs, and what pahole did not write:
// prototypes without implicit arguments (Linux 7.0 and later), the bpf_kfunc
// and bpf_fastcall decl tags, and address_space(1) on arena pointers (7.3).
// Semantics: tools/bpf/resolve_btfids of 7.2 and 7.3.
#ifndef BTFD_LIB_ENGINE_ANNOTATE_H_
#define BTFD_LIB_ENGINE_ANNOTATE_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "lib/btf/btf.h"
#include "lib/engine/btf_ids.h"
#include "lib/engine/pipeline.h"

namespace btfd::engine {

// Finds the kfuncs as steps.kfuncs says, and applies steps.implicit_args and
// steps.kfunc_tags to each. Only appends types and strings, and turns FUNCs to
// their new prototypes; a FUNC of the base stays as it is, and what would have
// pointed to it is appended all the same. Appends 7.3's warnings.
//
// It is idempotent, where upstream's arena step is not, and where upstream adds
// another prototype to a kfunc of a set that was finalized before (see
// BtfIds::FollowResolvedSets).
//
// InvalidArgument names the kfunc; FailedPrecondition where libbpf says
// EOPNOTSUPP (unknown header content in the BTF or its base).
absl::Status AnnotateKfuncs(const Steps& steps, btf::Btf* btf, BtfIds* ids,
                            std::vector<std::string>* warnings);

}  // namespace btfd::engine

#endif  // BTFD_LIB_ENGINE_ANNOTATE_H_
