// SPDX-License-Identifier: Apache-2.0
#include "tests/architectures/converted_module.h"

#include "lib/elf/testing/elf_builder.h"

namespace btfd::tests {

std::string AsElf(const ModuleInput& module, elf::ElfForm form) {
  elf::ElfBuilder elf(form);
  const uint32_t text = elf.AddSection(".text", std::string(64, '\0'));
  elf.AddSection(".BTF", module.btf);
  elf.AddSymbol("something_else", text, 0, 4);
  if (module.ids) {
    const uint32_t ids = elf.AddSection(".BTF_ids", module.ids->content);
    elf.header(ids).sh_flags = SHF_ALLOC;
    elf.header(ids).sh_addralign = 4;
    for (const engine::IdSymbol& symbol : module.ids->symbols) {
      elf.AddSymbol(symbol.name, ids, symbol.value - module.ids->address,
                    symbol.size);
    }
  }
  return elf.Build();
}

}  // namespace btfd::tests
