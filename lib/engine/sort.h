// SPDX-License-Identifier: Apache-2.0
//
// Own types in the order of their names, as the kernel's binary search by name
// wants them (Linux 7.0 and later). Strings and header stay as they are.
#ifndef BTFD_LIB_ENGINE_SORT_H_
#define BTFD_LIB_ENGINE_SORT_H_

#include "absl/status/status.h"
#include "lib/btf/btf.h"

namespace btfd::engine {

// Orders the own types by the bytes of their name's text, equal ones by their
// id, and rewrites ids. Anonymous types so come first, in their old order.
//
// FailedPrecondition where libbpf says EOPNOTSUPP (unknown header content);
// InvalidArgument for an id beyond the last type, or a type of unknown kind.
absl::Status SortByName(btf::Btf* btf);

}  // namespace btfd::engine

#endif  // BTFD_LIB_ENGINE_SORT_H_
