// SPDX-License-Identifier: Apache-2.0
//
// Puts what finalization reads of a real module into an ELF file of another
// class. Debian builds no 32-bit kernel with BTF. So the tests take the BTF,
// ids and symbols of a 64-bit kernel's module, and put them into ELF32 records.
#ifndef BTFD_TESTS_ARCHITECTURES_CONVERTED_MODULE_H_
#define BTFD_TESTS_ARCHITECTURES_CONVERTED_MODULE_H_

#include <string>

#include "lib/elf/elf_format.h"
#include "tests/support/module_input.h"

namespace btfd::tests {

// Returns an ELF file of that form with the module's sections and little else.
// Its byte order must be that of the file from which `module` was read.
std::string AsElf(const ModuleInput& module, elf::ElfForm form);

}  // namespace btfd::tests

#endif  // BTFD_TESTS_ARCHITECTURES_CONVERTED_MODULE_H_
