// SPDX-License-Identifier: Apache-2.0
//
// What the kernel's own parser asks of a BTF before it takes a module's, and
// libbpf does not: a header without surprises, types whose every field has a
// meaning, names that are identifiers. Source: Linux kernel/bpf/btf.c of 6.12,
// 7.2 and 7.3 (btf_parse_module(), btf_parse_base() and what they call).
//
// Of a module the kernel looks at each record alone, and at chains of
// modifiers. It does not follow references any further (that, btf_resolve(), is
// for BTF that comes from user space), and so neither does this.
#ifndef BTFD_LIB_ENGINE_KERNEL_CHECK_KERNEL_CHECK_H_
#define BTFD_LIB_ENGINE_KERNEL_CHECK_KERNEL_CHECK_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "lib/btf/base.h"
#include "lib/btf/btf.h"
#include "lib/btf/kinds.h"

namespace btfd::engine {

// Where kernels differ. The defaults are those of 7.2 and 7.3.
struct KernelRules {
  // How much of a header it knows; what is behind that must be zero.
  uint32_t header_size = btf::kExtendedHeaderSize;
  // Bits of a type's info word that it knows; the others must be zero.
  uint32_t info_bits = 0xffffffff;
  // Whether the kind flag may make an attribute of a DECL_TAG or TYPE_TAG.
  bool tag_attributes = true;
  // Whether a TYPE_TAG must stand before all other modifiers of its chain.
  bool type_tags_first = false;
  // Whether a kfunc must not be called as a function of the kernel is.
  bool own_kfunc_names = true;
  // Of the kernel's own BTF, and so of its machine; unless there is none.
  bool any_byte_order = true;
  bool foreign_endian = false;
};

// The rules of the kernel whose BTF `vmlinux` is: a kernel describes its own
// parser there (the struct btf_header that it reads, for one). The newest rules
// where it is null, or not a kernel's. Costs a few look-ups.
KernelRules KernelRulesOf(const btf::Base* vmlinux);

// Checks one section, `what` (".BTF", ".BTF.base"): `btf`, as it was parsed
// from `raw` and not modified since; a split over its .BTF.base if it has one,
// since the kernel relocates later. Costs O(btf), whatever its base weighs.
//
// InvalidArgument for the first thing that the kernel refuses, with the type's
// id, kind and name, its member, and the rule. Also for an id beyond the last
// type where neither libbpf nor the kernel looks (a FUNC_PROTO's return type),
// for more types than there are ids, and for references over a .BTF.base
// without types, which the kernel gets wrong: there it would take the BTF, and
// whoever reads it later gets lost.
absl::Status KernelCheck(absl::string_view raw, const btf::Btf& btf,
                         const KernelRules& rules, absl::string_view what);

}  // namespace btfd::engine

#endif  // BTFD_LIB_ENGINE_KERNEL_CHECK_KERNEL_CHECK_H_
