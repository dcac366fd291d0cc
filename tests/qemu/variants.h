// SPDX-License-Identifier: Apache-2.0
//
// Modules for the kernel to check: the code of one real module with BTF that
// the test makes, either right or with one defect.
#ifndef BTFD_TESTS_QEMU_VARIANTS_H_
#define BTFD_TESTS_QEMU_VARIANTS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "lib/btf/base.h"

namespace btfd::tests {

struct Variant {
  std::string label;           // what was done, for messages
  std::string btf;             // raw .BTF
  std::string distilled_base;  // raw .BTF.base; empty: none
  std::string ids = "";        // .BTF_ids; empty: those of the code
};

// For each rule of lib/engine/testing/kernel_rules.h, a module that breaks it
// and one that keeps it, over the types of `vmlinux`. Then cases that are not
// about one record: header, sections, chains, and rules in which kernels
// differ.
std::vector<Variant> RuleVariants(const btf::Base& vmlinux);

// Modules over a distilled base, right ones and ones that must not relocate.
std::vector<Variant> DistilledVariants(const btf::Base& vmlinux);

// For code that registers one set of kKfuncs kfuncs: sets that the kernel
// accepts, and sets that it refuses.
inline constexpr uint32_t kKfuncs = 8;
std::vector<Variant> KfuncVariants(const btf::Base& vmlinux);

// BTF with a type of each kind and one field changed at random: mostly a word
// of the types, else of the header, or a byte of the strings. Equal seeds give
// equal BTF.
std::vector<Variant> Mutations(const btf::Base& vmlinux, uint32_t seed,
                               int in_tree, int distilled);

// Writes a module to `path`: that of `carrier` with the variant's BTF, without
// its signature, and with the name `name`, which must not be longer than the
// old name.
absl::Status WriteVariant(const Variant& variant, const std::string& carrier,
                          const std::string& old_name, const std::string& name,
                          const std::string& path);

}  // namespace btfd::tests

#endif  // BTFD_TESTS_QEMU_VARIANTS_H_
