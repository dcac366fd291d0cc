// SPDX-License-Identifier: Apache-2.0
//
// A real file's part in finalization, in an ELF file of another class. Debian
// builds no 32-bit kernel with BTF, so what a 32-bit one would give is made of
// a 64-bit kernel's module: the same BTF, ids and symbols, in ELF32 records.
#ifndef BTFD_TESTS_ARCHITECTURES_CONVERTED_MODULE_H_
#define BTFD_TESTS_ARCHITECTURES_CONVERTED_MODULE_H_

#include <string>

#include "lib/elf/elf_format.h"
#include "tests/support/module_input.h"

namespace btfd::tests {

// An ELF file with that and little else. Its byte order must be that of
// `module`'s file.
std::string AsElf(const ModuleInput& module, elf::ElfForm form);

}  // namespace btfd::tests

#endif  // BTFD_TESTS_ARCHITECTURES_CONVERTED_MODULE_H_
