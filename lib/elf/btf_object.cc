// SPDX-License-Identifier: Apache-2.0
//
// The file is: ELF header, .BTF, .shstrtab, and the headers of these two
// behind the reserved one.
#include "lib/elf/btf_object.h"

#include <elf.h>

#include <cstring>

#include "lib/elf/elf_format.h"

namespace btfd::elf {
namespace {

// A NUL, and then each name with one.
constexpr absl::string_view kNames("\0.BTF\0.shstrtab\0", 16);
constexpr uint32_t kBtfName = 1;
constexpr uint32_t kNamesName = 6;
constexpr uint32_t kSections = 3;
constexpr uint32_t kNamesIndex = 2;
constexpr uint64_t kHeadersAlign = 8;

}  // namespace

std::string MakeBtfObject(const ModuleFile& like, absl::string_view btf) {
  const ElfForm form = like.form();
  Elf64_Shdr sections[kSections] = {};
  sections[1].sh_name = kBtfName;
  sections[1].sh_type = SHT_PROGBITS;
  sections[1].sh_flags = SHF_ALLOC;
  sections[1].sh_offset = form.header_size();
  sections[1].sh_size = btf.size();
  sections[1].sh_addralign = 1;
  sections[kNamesIndex].sh_name = kNamesName;
  sections[kNamesIndex].sh_type = SHT_STRTAB;
  sections[kNamesIndex].sh_offset = form.header_size() + btf.size();
  sections[kNamesIndex].sh_size = kNames.size();
  sections[kNamesIndex].sh_addralign = 1;

  Elf64_Ehdr header = like.header();
  header.e_type = ET_REL;
  header.e_entry = 0;
  header.e_phoff = 0;
  header.e_phentsize = 0;
  header.e_phnum = 0;
  header.e_shoff =
      (form.header_size() + btf.size() + kNames.size() + kHeadersAlign - 1) /
      kHeadersAlign * kHeadersAlign;
  header.e_shentsize = static_cast<uint16_t>(form.section_header_size());
  header.e_shnum = kSections;
  header.e_shstrndx = kNamesIndex;

  std::string file(header.e_shoff + kSections * form.section_header_size(),
                   '\0');
  EncodeHeader(form, header, &file[0]);
  btf.copy(&file[sections[1].sh_offset], btf.size());
  kNames.copy(&file[sections[kNamesIndex].sh_offset], kNames.size());
  for (uint32_t i = 0; i < kSections; ++i) {
    EncodeSectionHeader(form, sections[i],
                        &file[header.e_shoff + i * form.section_header_size()]);
  }
  return file;
}

}  // namespace btfd::elf
