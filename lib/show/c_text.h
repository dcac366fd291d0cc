// SPDX-License-Identifier: Apache-2.0
//
// BTF as a C header, by libbpf's btf_dump: what `bpftool btf dump ... format c`
// prints, as vmlinux.h. The libbpf of Debian 12 (1.1) does; what is newer than
// that is translated for it or for its text:
//   - the header's layout section (Linux 7.2) is left out;
//   - kind and vlen have more bits since 7.2: a type with more than 65,535
//     parts is refused;
//   - a TYPE_TAG with the kind flag (6.16), an attribute, is written as
//     __attribute__((ATTRIBUTE)) instead of as a btf_type_tag;
//   - the parameters of a function that has none are written as (void), not as
//     ();
//   - kinds that only a layout section describes have no words in C: what is
//     made of one is refused.
#ifndef BTFD_LIB_SHOW_C_TEXT_H_
#define BTFD_LIB_SHOW_C_TEXT_H_

#include <string>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "lib/btf/btf.h"
#include "lib/util/work_budget.h"

namespace btfd::show {

// Appends a header with the own types of `btf` and what they need of its base,
// and with the prototypes of its kfuncs.
//
// Errors as of CCheck::Check(). Not thread-safe in a process that uses libbpf
// otherwise: it turns off libbpf's messages.
absl::Status AppendC(const btf::Btf& btf, util::WorkBudget* work,
                     std::string* out);

// The same with these types and what they need alone. A FUNC or VAR is declared
// as extern; a type that cannot stand for itself (a pointer, say) is given the
// name type_ID by a typedef.
absl::Status AppendC(const btf::Btf& btf, absl::Span<const btf::TypeId> roots,
                     util::WorkBudget* work, std::string* out);

}  // namespace btfd::show

#endif  // BTFD_LIB_SHOW_C_TEXT_H_
