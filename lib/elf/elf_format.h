// SPDX-License-Identifier: Apache-2.0
//
// The records of an ELF file (System V ABI, chapters "ELF Header", "Sections"
// and "Symbol Table") in each of its four forms: 32 or 64 bits, little or big
// endian. In memory they are always the 64-bit structs of <elf.h> in host byte
// order; these functions convert to and from the bytes of the file, which need
// not be aligned. Bounds are the caller's business.
#ifndef BTFD_LIB_ELF_ELF_FORMAT_H_
#define BTFD_LIB_ELF_ELF_FORMAT_H_

#include <elf.h>

#include <cstddef>
#include <cstdint>

namespace btfd::elf {

struct ElfForm {
  bool is_64bit = true;
  bool big_endian = false;

  size_t header_size() const {
    return is_64bit ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr);
  }
  size_t section_header_size() const {
    return is_64bit ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr);
  }
  size_t symbol_size() const {
    return is_64bit ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym);
  }
  // The largest offset, size or address that the form can say.
  uint64_t max_word() const { return is_64bit ? UINT64_MAX : UINT32_MAX; }
};

Elf64_Ehdr DecodeHeader(ElfForm form, const char* bytes);
Elf64_Shdr DecodeSectionHeader(ElfForm form, const char* bytes);
Elf64_Sym DecodeSymbol(ElfForm form, const char* bytes);
// Just st_shndx, to pass over the symbols of other sections quickly.
uint16_t DecodeSymbolSection(ElfForm form, const char* bytes);

// Precondition: values fit the form.
void EncodeHeader(ElfForm form, const Elf64_Ehdr& header, char* bytes);
void EncodeSectionHeader(ElfForm form, const Elf64_Shdr& header, char* bytes);
void EncodeSymbol(ElfForm form, const Elf64_Sym& symbol, char* bytes);

}  // namespace btfd::elf

#endif  // BTFD_LIB_ELF_ELF_FORMAT_H_
