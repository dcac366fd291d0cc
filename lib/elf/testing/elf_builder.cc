// SPDX-License-Identifier: Apache-2.0
#include "lib/elf/testing/elf_builder.h"

#include <algorithm>
#include <cstring>

namespace btfd::elf {

uint32_t ElfBuilder::AddSection(absl::string_view name,
                                absl::string_view content) {
  Content section;
  section.name = std::string(name);
  section.bytes = std::string(content);
  section.header.sh_type = SHT_PROGBITS;
  section.header.sh_addralign = 1;
  sections_.push_back(std::move(section));
  return static_cast<uint32_t>(sections_.size());
}

void ElfBuilder::AddSymbol(absl::string_view name, uint32_t section,
                           uint64_t value, uint64_t size) {
  Elf64_Sym symbol{};
  symbol.st_name = static_cast<uint32_t>(symbol_names_.size());
  symbol.st_info = ELF64_ST_INFO(STB_LOCAL, STT_OBJECT);
  symbol.st_shndx = static_cast<uint16_t>(section);
  symbol.st_value = value;
  symbol.st_size = size;
  symbols_.push_back(symbol);
  symbol_names_.append(name.data(), name.size());
  symbol_names_ += '\0';
}

void ElfBuilder::AppendSymbolTable(std::vector<Content>* sections) const {
  const size_t entry = form_.symbol_size();
  Content table;
  table.name = ".symtab";
  table.bytes.resize((symbols_.size() + 1) * entry);
  for (size_t i = 0; i < symbols_.size(); ++i) {
    EncodeSymbol(form_, symbols_[i], &table.bytes[(i + 1) * entry]);
  }
  table.header.sh_type = SHT_SYMTAB;
  table.header.sh_addralign = 8;
  table.header.sh_entsize =
      symbol_entry_size_ == UINT64_MAX ? entry : symbol_entry_size_;
  table.header.sh_link = static_cast<uint32_t>(sections->size()) + 2;
  table.header.sh_info = static_cast<uint32_t>(symbols_.size()) + 1;
  sections->push_back(std::move(table));

  Content names;
  names.name = ".strtab";
  names.bytes = symbol_names_;
  names.header.sh_type = SHT_STRTAB;
  names.header.sh_addralign = 1;
  sections->push_back(std::move(names));
}

std::string ElfBuilder::Build() const {
  std::vector<Content> sections = sections_;
  if (!symbols_.empty()) AppendSymbolTable(&sections);

  Content names;
  names.name = ".shstrtab";
  names.header.sh_type = SHT_STRTAB;
  names.header.sh_addralign = 1;
  sections.push_back(std::move(names));
  std::string& name_bytes = sections.back().bytes;
  name_bytes += '\0';
  for (Content& section : sections) {
    section.header.sh_name = static_cast<uint32_t>(name_bytes.size());
    name_bytes += section.name;
    name_bytes += '\0';
  }

  std::string file(form_.header_size(), '\0');
  for (Content& section : sections) {
    const uint64_t alignment =
        std::max<uint64_t>(section.header.sh_addralign, 1);
    file.resize((file.size() + alignment - 1) / alignment * alignment);
    section.header.sh_offset = file.size();
    if (section.header.sh_type == SHT_NOBITS) continue;
    section.header.sh_size = section.bytes.size();
    file += section.bytes;
  }
  file.resize((file.size() + 7) / 8 * 8);

  Elf64_Ehdr header{};
  memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = form_.is_64bit ? ELFCLASS64 : ELFCLASS32;
  header.e_ident[EI_DATA] = form_.big_endian ? ELFDATA2MSB : ELFDATA2LSB;
  header.e_ident[EI_VERSION] = EV_CURRENT;
  header.e_type = ET_REL;
  if (form_.is_64bit) {
    header.e_machine = form_.big_endian ? EM_PPC64 : EM_X86_64;
  } else {
    header.e_machine = form_.big_endian ? EM_PPC : EM_386;
  }
  header.e_version = EV_CURRENT;
  header.e_shoff = file.size();
  header.e_ehsize = static_cast<uint16_t>(form_.header_size());
  header.e_shentsize = static_cast<uint16_t>(form_.section_header_size());

  const uint32_t count = static_cast<uint32_t>(sections.size()) + 1;
  const bool extended = extended_ || count >= SHN_LORESERVE;
  Elf64_Shdr first{};
  if (extended) {
    first.sh_size = count;
    first.sh_link = count - 1;
    header.e_shstrndx = SHN_XINDEX;
  } else {
    header.e_shnum = static_cast<uint16_t>(count);
    header.e_shstrndx = static_cast<uint16_t>(count - 1);
  }
  EncodeHeader(form_, header, &file[0]);

  const size_t entry = form_.section_header_size();
  file.resize(header.e_shoff + count * entry);
  EncodeSectionHeader(form_, first, &file[header.e_shoff]);
  for (uint32_t i = 1; i < count; ++i) {
    EncodeSectionHeader(form_, sections[i - 1].header,
                        &file[header.e_shoff + i * entry]);
  }
  return file;
}

}  // namespace btfd::elf
