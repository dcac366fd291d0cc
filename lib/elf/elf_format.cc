// SPDX-License-Identifier: Apache-2.0
//
// Each record is described once, as the list of its fields; Decode and Encode
// walk that list. A field's width is that of the struct of the file's class,
// so the 32-bit structs' other order of fields needs no word here.
#include "lib/elf/elf_format.h"

#include <cstring>

#include "lib/util/endian.h"

namespace btfd::elf {
namespace {

bool NeedsSwap(ElfForm form) {
  return form.big_endian != util::kHostIsBigEndian;
}

// Calls f(field of a, field of b) for each field.
template <typename A, typename B, typename F>
void ForEachHeaderField(A& a, B& b, F f) {
  f(a.e_type, b.e_type);
  f(a.e_machine, b.e_machine);
  f(a.e_version, b.e_version);
  f(a.e_entry, b.e_entry);
  f(a.e_phoff, b.e_phoff);
  f(a.e_shoff, b.e_shoff);
  f(a.e_flags, b.e_flags);
  f(a.e_ehsize, b.e_ehsize);
  f(a.e_phentsize, b.e_phentsize);
  f(a.e_phnum, b.e_phnum);
  f(a.e_shentsize, b.e_shentsize);
  f(a.e_shnum, b.e_shnum);
  f(a.e_shstrndx, b.e_shstrndx);
}

template <typename A, typename B, typename F>
void ForEachSectionHeaderField(A& a, B& b, F f) {
  f(a.sh_name, b.sh_name);
  f(a.sh_type, b.sh_type);
  f(a.sh_flags, b.sh_flags);
  f(a.sh_addr, b.sh_addr);
  f(a.sh_offset, b.sh_offset);
  f(a.sh_size, b.sh_size);
  f(a.sh_link, b.sh_link);
  f(a.sh_info, b.sh_info);
  f(a.sh_addralign, b.sh_addralign);
  f(a.sh_entsize, b.sh_entsize);
}

template <typename A, typename B, typename F>
void ForEachSymbolField(A& a, B& b, F f) {
  f(a.st_name, b.st_name);
  f(a.st_info, b.st_info);
  f(a.st_other, b.st_other);
  f(a.st_shndx, b.st_shndx);
  f(a.st_value, b.st_value);
  f(a.st_size, b.st_size);
}

// Converts between a host struct and one as the file has it, either way: the
// swap is its own inverse, done at the width of the file's field.
struct FromFile {
  bool swap;
  template <typename Host, typename File>
  void operator()(Host& host, const File& file) const {
    host = swap ? util::ByteSwap(file) : file;
  }
};
struct ToFile {
  bool swap;
  template <typename Host, typename File>
  void operator()(const Host& host, File& file) const {
    const File narrowed = static_cast<File>(host);
    file = swap ? util::ByteSwap(narrowed) : narrowed;
  }
};

template <typename File>
File Load(const char* bytes) {
  File file;
  memcpy(&file, bytes, sizeof(file));
  return file;
}

template <typename File>
Elf64_Ehdr DecodeHeaderAs(bool swap, const char* bytes) {
  const File file = Load<File>(bytes);
  Elf64_Ehdr header;
  memcpy(header.e_ident, file.e_ident, EI_NIDENT);
  ForEachHeaderField(header, file, FromFile{swap});
  return header;
}

template <typename File>
void EncodeHeaderAs(bool swap, const Elf64_Ehdr& header, char* bytes) {
  File file;
  memcpy(file.e_ident, header.e_ident, EI_NIDENT);
  ForEachHeaderField(header, file, ToFile{swap});
  memcpy(bytes, &file, sizeof(file));
}

}  // namespace

Elf64_Ehdr DecodeHeader(ElfForm form, const char* bytes) {
  const bool swap = NeedsSwap(form);
  return form.is_64bit ? DecodeHeaderAs<Elf64_Ehdr>(swap, bytes)
                       : DecodeHeaderAs<Elf32_Ehdr>(swap, bytes);
}

void EncodeHeader(ElfForm form, const Elf64_Ehdr& header, char* bytes) {
  const bool swap = NeedsSwap(form);
  if (form.is_64bit) {
    EncodeHeaderAs<Elf64_Ehdr>(swap, header, bytes);
  } else {
    EncodeHeaderAs<Elf32_Ehdr>(swap, header, bytes);
  }
}

Elf64_Shdr DecodeSectionHeader(ElfForm form, const char* bytes) {
  const FromFile convert{NeedsSwap(form)};
  Elf64_Shdr header;
  if (form.is_64bit) {
    const auto file = Load<Elf64_Shdr>(bytes);
    ForEachSectionHeaderField(header, file, convert);
  } else {
    const auto file = Load<Elf32_Shdr>(bytes);
    ForEachSectionHeaderField(header, file, convert);
  }
  return header;
}

void EncodeSectionHeader(ElfForm form, const Elf64_Shdr& header, char* bytes) {
  const ToFile convert{NeedsSwap(form)};
  if (form.is_64bit) {
    Elf64_Shdr file;
    ForEachSectionHeaderField(header, file, convert);
    memcpy(bytes, &file, sizeof(file));
  } else {
    Elf32_Shdr file;
    ForEachSectionHeaderField(header, file, convert);
    memcpy(bytes, &file, sizeof(file));
  }
}

Elf64_Sym DecodeSymbol(ElfForm form, const char* bytes) {
  const FromFile convert{NeedsSwap(form)};
  Elf64_Sym symbol;
  if (form.is_64bit) {
    const auto file = Load<Elf64_Sym>(bytes);
    ForEachSymbolField(symbol, file, convert);
  } else {
    const auto file = Load<Elf32_Sym>(bytes);
    ForEachSymbolField(symbol, file, convert);
  }
  return symbol;
}

void EncodeSymbol(ElfForm form, const Elf64_Sym& symbol, char* bytes) {
  const ToFile convert{NeedsSwap(form)};
  if (form.is_64bit) {
    Elf64_Sym file;
    ForEachSymbolField(symbol, file, convert);
    memcpy(bytes, &file, sizeof(file));
  } else {
    Elf32_Sym file;
    ForEachSymbolField(symbol, file, convert);
    memcpy(bytes, &file, sizeof(file));
  }
}

uint16_t DecodeSymbolSection(ElfForm form, const char* bytes) {
  uint16_t index;
  memcpy(&index,
         bytes + (form.is_64bit ? offsetof(Elf64_Sym, st_shndx)
                                : offsetof(Elf32_Sym, st_shndx)),
         sizeof(index));
  return NeedsSwap(form) ? util::ByteSwap(index) : index;
}

}  // namespace btfd::elf
