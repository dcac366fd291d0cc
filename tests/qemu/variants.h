// SPDX-License-Identifier: Apache-2.0
//
// Modules for a kernel to judge: one real module's code with BTF of our own,
// sound or spoiled in one place.
#ifndef BTFD_TESTS_QEMU_VARIANTS_H_
#define BTFD_TESTS_QEMU_VARIANTS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "lib/btf/base.h"

namespace btfd::tests {

struct Variant {
  std::string label;           // what was done, for people
  std::string btf;             // raw .BTF
  std::string distilled_base;  // raw .BTF.base; empty: none
  std::string ids = "";        // .BTF_ids; empty: as the code came
};

// Each rule of lib/engine/testing/kernel_rules.h, refused and taken, over the
// types of `vmlinux`; then what is not about single records: header, sections,
// chains, and where kernels differ.
std::vector<Variant> RuleVariants(const btf::Base& vmlinux);

// Over a distilled base, sound ones and ones that must not relocate.
std::vector<Variant> DistilledVariants(const btf::Base& vmlinux);

// For code that registers one set of kKfuncs kfuncs: sets that the kernel
// takes, and ones that it does not.
inline constexpr uint32_t kKfuncs = 8;
std::vector<Variant> KfuncVariants(const btf::Base& vmlinux);

// BTF with a type of each kind, and one field changed at random: a word of the
// types, mostly, else of the header or a byte of the strings. The same ones for
// the same seed.
std::vector<Variant> Mutations(const btf::Base& vmlinux, uint32_t seed,
                               int in_tree, int distilled);

// Writes `variant` to `path` in the place of `carrier`'s BTF, without its
// signature, and as a module called `name`, which is no longer than the old
// one.
absl::Status WriteVariant(const Variant& variant, const std::string& carrier,
                          const std::string& old_name, const std::string& name,
                          const std::string& path);

}  // namespace btfd::tests

#endif  // BTFD_TESTS_QEMU_VARIANTS_H_
