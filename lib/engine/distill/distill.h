// SPDX-License-Identifier: Apache-2.0
//
// A distilled base (.BTF.base): what a split BTF needs to know of its base to
// be put over another build of that base later. Same bytes as libbpf's
// btf__distill_base(), at the cost of the split and of what it refers to.
#ifndef BTFD_LIB_ENGINE_DISTILL_DISTILL_H_
#define BTFD_LIB_ENGINE_DISTILL_DISTILL_H_

#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "lib/btf/btf.h"

namespace btfd::engine {

// Makes *base, the named types that `source` refers to without their content,
// and *split, `source` over *base: its own types, then the nameless and
// modifying base types that it refers to. With `sorted`, those are laid out as
// SortByName() would do it next. hdr_len (24 or 32) is that of both.
// *split points into *base, which must neither move nor change. Both use the
// memory of `source`, and `source` is not changed.
//
// InvalidArgument if there is no base, if the split refers to a base type that
// cannot be distilled (VAR, FUNC, DATASEC, DECL_TAG, unknown) or to an enum of
// odd size, or has a type of unknown kind itself.
absl::Status Distill(const btf::Btf& source, uint32_t hdr_len, bool sorted,
                     std::optional<btf::Btf>* base,
                     std::optional<btf::Btf>* split);

}  // namespace btfd::engine

#endif  // BTFD_LIB_ENGINE_DISTILL_DISTILL_H_
