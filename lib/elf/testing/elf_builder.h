// SPDX-License-Identifier: Apache-2.0
//
// Makes small relocatable ELF objects for tests, in all four forms:
//
//   ElfBuilder elf(ElfForm{/*is_64bit=*/false, /*big_endian=*/true});
//   elf.AddSection(".BTF", btf);
//   const uint32_t ids = elf.AddSection(".BTF_ids", std::string(4, '\0'));
//   elf.header(ids).sh_flags = SHF_ALLOC;
//   elf.AddSymbol("__BTF_ID__func__foo__1", ids, /*value=*/0, /*size=*/4);
//   WriteFile(path, elf.Build());
//
// The file is: header, contents in order, .symtab and .strtab (if there are
// symbols), .shstrtab, section header table.
#ifndef BTFD_LIB_ELF_TESTING_ELF_BUILDER_H_
#define BTFD_LIB_ELF_TESTING_ELF_BUILDER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "lib/elf/elf_format.h"

namespace btfd::elf {

class ElfBuilder {
 public:
  explicit ElfBuilder(ElfForm form = ElfForm()) : form_(form) {}

  // Returns the section's index. It is SHT_PROGBITS, not allocated, aligned
  // to 1, unless header() says otherwise.
  uint32_t AddSection(absl::string_view name, absl::string_view content);
  // For changes; sh_name and sh_offset are Build()'s, and so is sh_size, but
  // for SHT_NOBITS.
  Elf64_Shdr& header(uint32_t index) { return sections_[index - 1].header; }

  // Symbols come out in this order, after the null symbol. The first one
  // makes a .symtab appear behind all other sections.
  void AddSymbol(absl::string_view name, uint32_t section, uint64_t value,
                 uint64_t size);
  // The symbol table's sh_entsize, if not the right one.
  void SetSymbolEntrySize(uint64_t size) { symbol_entry_size_ = size; }

  // Count and names index stand in section 0, as with 65,280 sections or more.
  void UseExtendedNumbering() { extended_ = true; }

  std::string Build() const;

 private:
  struct Content {
    std::string name;
    std::string bytes;
    Elf64_Shdr header{};
  };

  void AppendSymbolTable(std::vector<Content>* sections) const;

  ElfForm form_;
  std::vector<Content> sections_;  // [i] is section i + 1
  std::vector<Elf64_Sym> symbols_;
  std::string symbol_names_ = std::string(1, '\0');
  uint64_t symbol_entry_size_ = UINT64_MAX;
  bool extended_ = false;
};

}  // namespace btfd::elf

#endif  // BTFD_LIB_ELF_TESTING_ELF_BUILDER_H_
