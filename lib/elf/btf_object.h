// SPDX-License-Identifier: Apache-2.0
//
// A relocatable object that holds .BTF and nothing else: how BTF gets linked
// into vmlinux (Linux scripts/gen-btf.sh, scripts/link-vmlinux.sh).
#ifndef BTFD_LIB_ELF_BTF_OBJECT_H_
#define BTFD_LIB_ELF_BTF_OBJECT_H_

#include <string>

#include "absl/strings/string_view.h"
#include "lib/elf/module_file.h"

namespace btfd::elf {

// The bytes of an ET_REL file for the machine of `like`, in its form and with
// its e_flags, with one allocated, read-only section .BTF and no symbols: the
// linker script defines __start_BTF and __stop_BTF.
std::string MakeBtfObject(const ModuleFile& like, absl::string_view btf);

}  // namespace btfd::elf

#endif  // BTFD_LIB_ELF_BTF_OBJECT_H_
