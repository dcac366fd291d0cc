// SPDX-License-Identifier: Apache-2.0
//
// A standalone BTF as split BTF: what pahole makes without a base, put over
// one. As libbpf's btf__new_empty_split() and btf__add_btf(); deduplication,
// which finds in the base what is there already, is a stage of its own.
#ifndef BTFD_LIB_ENGINE_REBASE_H_
#define BTFD_LIB_ENGINE_REBASE_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "lib/btf/base.h"
#include "lib/btf/btf.h"

namespace btfd::engine {

// A split BTF over `base` with all types of `standalone`, in their order, and
// the strings that they use. The byte order is the base's. Costs O(standalone).
//
// FailedPrecondition where libbpf says EOPNOTSUPP (unknown header content in
// the base); InvalidArgument for ids that `standalone` does not have, or types
// of unknown kind.
absl::StatusOr<btf::Btf> Rebase(const btf::Btf& standalone,
                                const btf::Base& base, uint32_t hdr_len);

// The residue of an encoder, a standalone BTF, as pahole builds it: over
// `base`, or over none where it is null; all strings in their order, those
// included that nothing refers to, then all types. A text that the base has is
// not stored. The byte order is the residue's. Costs and errors as above.
absl::StatusOr<btf::Btf> AddResidue(const btf::Btf& residue,
                                    const btf::Base* base, uint32_t hdr_len);

}  // namespace btfd::engine

#endif  // BTFD_LIB_ENGINE_REBASE_H_
