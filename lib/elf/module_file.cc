// SPDX-License-Identifier: Apache-2.0
//
// Opening checks once what everything else relies on: the section header table
// lies in the file, each section has a name within the table of names, and
// each section that has content has it within the file. That is one walk over
// the headers, which also notes the sections of interest. The rest is lookups.
#include "lib/elf/module_file.h"

#include <fcntl.h>

#include <cstring>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "lib/elf/compression.h"
#include "lib/util/regular_file.h"
#include "lib/util/status_macros.h"

namespace btfd::elf {
namespace {

constexpr absl::string_view kIdPrefix = "__BTF_ID__";
constexpr absl::string_view kSignatureMarker = "~Module signature appended~\n";
// struct module_signature, which stands before the marker: eight bytes, then
// the length of the signature before it, in big-endian order.
constexpr size_t kSignatureInfoSize = 12;

bool HasContent(const Elf64_Shdr& header) {
  return header.sh_type != SHT_NOBITS && header.sh_type != SHT_NULL;
}

// The NUL-terminated string at an offset of a string table, if it is one.
std::optional<absl::string_view> StringAt(absl::string_view table,
                                          uint64_t offset) {
  if (offset >= table.size()) return std::nullopt;
  const absl::string_view rest = table.substr(offset);
  const void* end = memchr(rest.data(), '\0', rest.size());
  if (end == nullptr) return std::nullopt;
  return rest.substr(0, static_cast<const char*>(end) - rest.data());
}

// Keeps an eye on names that share their ends, as ".rela.text" and ".text" may
// in a string table: a hostile one makes of n bytes n names of n bytes.
class NamesRead {
 public:
  explicit NamesRead(absl::string_view table)
      : limit_((uint64_t{1} << 20) + table.size() * 64) {}
  // False once the names are longer than any sensible table makes them.
  bool Add(absl::string_view name) {
    bytes_ += name.size();
    return bytes_ <= limit_;
  }

 private:
  const uint64_t limit_;
  uint64_t bytes_ = 0;
};

absl::Status Bad(absl::string_view path, absl::string_view where,
                 uint64_t offset, absl::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrFormat("%s: %s at offset %#x: %s", path, where, offset, what));
}

}  // namespace

ModuleFile::ModuleFile(std::string path, util::UniqueFd fd,
                       util::FileBytes bytes)
    : path_(std::move(path)), fd_(std::move(fd)), bytes_(std::move(bytes)) {}

absl::StatusOr<ModuleFile> ModuleFile::Open(const std::string& path,
                                            Access access) {
  ASSIGN_OR_RETURN(
      util::UniqueFd fd,
      util::OpenFile(
          path, O_NONBLOCK | (access == Access::kRead ? O_RDONLY : O_RDWR)));
  return FromFd(std::move(fd), path);
}

absl::StatusOr<ModuleFile> ModuleFile::FromFd(util::UniqueFd fd,
                                              const std::string& path) {
  RETURN_IF_ERROR(util::CheckRegularFd(fd.get(), path));
  ASSIGN_OR_RETURN(util::FileBytes bytes,
                   util::FileBytes::FromFd(fd.get(), path));
  return FromBytes(std::move(fd), std::move(bytes), path);
}

absl::StatusOr<ModuleFile> ModuleFile::FromBytes(util::UniqueFd fd,
                                                 util::FileBytes bytes,
                                                 const std::string& path) {
  ModuleFile file(path, std::move(fd), std::move(bytes));
  RETURN_IF_ERROR(file.ReadHeader());
  RETURN_IF_ERROR(file.ReadSections());
  return file;
}

absl::Status ModuleFile::ReadHeader() {
  const absl::string_view file = bytes();
  const auto bad = [this](absl::string_view what) {
    return Bad(path_, "ELF header", 0, what);
  };
  if (!absl::StartsWith(file, ELFMAG)) {
    return absl::InvalidArgumentError(
        absl::StrCat(path_, ": not an ELF file", WhatInstead(file, path_)));
  }
  if (file.size() < EI_NIDENT) {
    return bad(absl::StrCat("the file ends after ", file.size(), " bytes"));
  }
  const unsigned char elf_class = file[EI_CLASS], data = file[EI_DATA];
  if (elf_class != ELFCLASS32 && elf_class != ELFCLASS64) {
    return bad(absl::StrFormat("unknown class %u", elf_class));
  }
  if (data != ELFDATA2LSB && data != ELFDATA2MSB) {
    return bad(absl::StrFormat("unknown data encoding %u", data));
  }
  form_.is_64bit = elf_class == ELFCLASS64;
  form_.big_endian = data == ELFDATA2MSB;
  if (file.size() < form_.header_size()) {
    return bad(absl::StrCat("the file ends after ", file.size(), " of ",
                            form_.header_size(), " bytes"));
  }
  header_ = DecodeHeader(form_, file.data());
  if (file[EI_VERSION] != EV_CURRENT || header_.e_version != EV_CURRENT) {
    return bad(absl::StrCat("unknown ELF version ", header_.e_version));
  }
  return absl::OkStatus();
}

absl::Status ModuleFile::BadSectionTable(absl::string_view what) const {
  return Bad(path_, "section header table", header_.e_shoff, what);
}

absl::Status ModuleFile::BadSectionNames(uint64_t offset,
                                         absl::string_view what) const {
  return Bad(path_,
             absl::StrCat("section ", names_index_, " (of section names)"),
             offset, what);
}

absl::Status ModuleFile::ReadSections() {
  if (header_.e_shoff == 0 && header_.e_shnum == 0) return absl::OkStatus();
  RETURN_IF_ERROR(CountSections());
  if (section_count_ <= 1) return absl::OkStatus();
  RETURN_IF_ERROR(FindSectionNames());
  NamesRead names_read(names_);
  for (uint32_t i = 1; i < section_count_; ++i) {
    RETURN_IF_ERROR(CheckSection(i));
    const Section section = this->section(i);
    if (!names_read.Add(section.name)) {
      return BadSectionNames(
          SectionHeader(names_index_).sh_offset,
          absl::StrCat("its ", names_.size(), " bytes are used for ",
                       "names of more than 64 times that"));
    }
    NoteSection(section);
  }
  return absl::OkStatus();
}

// Where the table of section headers is, how many there are, and which of them
// is that of the section names.
absl::Status ModuleFile::CountSections() {
  const uint64_t table = header_.e_shoff, size = bytes().size();
  const size_t entry = form_.section_header_size();
  if (header_.e_shentsize != entry) {
    return BadSectionTable(absl::StrCat("entries of ", header_.e_shentsize,
                                        " bytes instead of ", entry));
  }
  if (table < form_.header_size() || table > size || size - table < entry) {
    return BadSectionTable(
        absl::StrCat("not within the file of ", size, " bytes"));
  }
  // Extended numbering: what does not fit the header stands in section 0.
  uint64_t count = header_.e_shnum;
  names_index_ = header_.e_shstrndx;
  const Elf64_Shdr first = SectionHeader(0);
  if (count == 0) count = first.sh_size;
  if (names_index_ == SHN_XINDEX) names_index_ = first.sh_link;
  if (count > (size - table) / entry || count > UINT32_MAX) {
    return BadSectionTable(absl::StrCat(
        count, " entries of ", entry,
        " bytes go beyond the end of the file of ", size, " bytes"));
  }
  section_count_ = static_cast<uint32_t>(count);
  return absl::OkStatus();
}

absl::Status ModuleFile::FindSectionNames() {
  const uint64_t size = bytes().size();
  if (names_index_ >= section_count_) {
    return BadSectionTable(absl::StrCat("section ", names_index_,
                                        " is to hold the names, of ",
                                        section_count_));
  }
  const Elf64_Shdr names = SectionHeader(names_index_);
  if (names.sh_type != SHT_STRTAB || names.sh_offset > size ||
      names.sh_size > size - names.sh_offset) {
    return BadSectionNames(
        names.sh_offset,
        absl::StrCat("no string table within the file of ", size, " bytes"));
  }
  names_ = bytes().substr(names.sh_offset, names.sh_size);
  return absl::OkStatus();
}

// Keeps the sections of interest.
void ModuleFile::NoteSection(const Section& section) {
  if (section.header.sh_type == SHT_SYMTAB) symbol_table_ = section.index;
  if (!absl::StartsWith(section.name, kBtf)) return;
  if (section.name == kBtf) btf_ = section;
  if (section.name == kBtfBase) btf_base_ = section;
  if (section.name == kBtfIds) {
    if (!first_btf_ids_) first_btf_ids_ = section;
    // To resolve_btfids a symbol table is that, whatever it is called.
    if (section.header.sh_type != SHT_SYMTAB) btf_ids_ = section;
  }
}

absl::Status ModuleFile::CheckSection(uint32_t index) const {
  const Elf64_Shdr header = SectionHeader(index);
  const uint64_t size = bytes().size();
  const auto name = StringAt(names_, header.sh_name);
  if (!name) {
    return Bad(
        path_, absl::StrCat("section ", index), header.sh_offset,
        absl::StrCat("its name, at ", header.sh_name, ", is not within the ",
                     names_.size(), " bytes of section names"));
  }
  if (HasContent(header) &&
      (header.sh_offset > size || header.sh_size > size - header.sh_offset)) {
    return Bad(path_, absl::StrCat("section ", index, " (", *name, ")"),
               header.sh_offset,
               absl::StrCat("its ", header.sh_size,
                            " bytes go beyond the end of the file of ", size,
                            " bytes"));
  }
  return absl::OkStatus();
}

Elf64_Shdr ModuleFile::SectionHeader(uint32_t index) const {
  return DecodeSectionHeader(form_,
                             bytes().data() + header_.e_shoff +
                                 uint64_t{index} * form_.section_header_size());
}

Section ModuleFile::section(uint32_t index) const {
  Section section;
  section.index = index;
  section.header = SectionHeader(index);
  if (index == 0) return section;
  section.name = *StringAt(names_, section.header.sh_name);
  if (HasContent(section.header)) {
    section.content =
        bytes().substr(section.header.sh_offset, section.header.sh_size);
  }
  return section;
}

absl::Status ModuleFile::BadSection(const Section& section,
                                    absl::string_view what) const {
  return Bad(path_,
             absl::StrCat("section ", section.index, " (", section.name, ")"),
             section.header.sh_offset, what);
}

absl::StatusOr<absl::string_view> ModuleFile::BtfContent() const {
  return CheckedBtf(btf_, kBtf);
}

absl::StatusOr<absl::string_view> ModuleFile::BtfBaseContent() const {
  return CheckedBtf(btf_base_, kBtfBase);
}

absl::StatusOr<absl::string_view> ModuleFile::CheckedBtf(
    const std::optional<Section>& section, absl::string_view name) const {
  if (!section) {
    return absl::NotFoundError(absl::StrCat(path_, ": no section ", name));
  }
  if (section->header.sh_type == SHT_NOBITS) {
    return BadSection(*section, "NOBITS: it has no content in the file");
  }
  if (section->header.sh_type != SHT_PROGBITS) {
    return BadSection(*section,
                      absl::StrCat("of type ", section->header.sh_type,
                                   " instead of PROGBITS"));
  }
  if (section->content.empty()) return BadSection(*section, "empty");
  if (!HasBtfMagic(section->content)) {
    return BadSection(*section, "does not start with the magic of BTF, 0xeb9f");
  }
  return section->content;
}

absl::StatusOr<std::vector<IdSymbol>> ModuleFile::IdSymbols() const {
  if (!btf_ids_) {
    return absl::NotFoundError(absl::StrCat(path_, ": no section ", kBtfIds));
  }
  if (symbol_table_ == 0) {
    return absl::NotFoundError(
        absl::StrCat(path_, ": section ", kBtfIds, " but no symbol table"));
  }
  const Section table = section(symbol_table_);
  // How many symbols there are goes by sh_entsize, where they are does not:
  // libelf has them one after the other.
  const size_t stride = form_.symbol_size();
  const uint64_t entry_size = table.header.sh_entsize;
  if (entry_size == 0) return BadSection(table, "symbols of 0 bytes");
  const uint64_t count = table.content.size() / entry_size;
  if (table.content.size() % stride != 0 ||
      count > table.content.size() / stride) {
    return BadSection(
        table,
        absl::StrCat(table.content.size(), " bytes, said to be of ", entry_size,
                     " each, are no whole symbols of ", stride, " bytes"));
  }
  absl::string_view names;
  if (table.header.sh_link < section_count_) {
    names = section(table.header.sh_link).content;
  }

  std::vector<IdSymbol> symbols;
  NamesRead names_read(names);
  for (uint64_t i = 0; i < count; ++i) {
    const char* bytes = table.content.data() + i * stride;
    if (DecodeSymbolSection(form_, bytes) != btf_ids_->index) continue;
    const Elf64_Sym symbol = DecodeSymbol(form_, bytes);
    const auto name = StringAt(names, symbol.st_name);
    if (!name) {
      return BadSection(
          table, absl::StrCat("the name of symbol ", i, ", at ", symbol.st_name,
                              ", is not within the ", names.size(),
                              " bytes of its string table"));
    }
    if (!names_read.Add(*name)) {
      return BadSection(
          table, absl::StrCat("the ", names.size(),
                              " bytes of its string table are used for names "
                              "of more than 64 times that"));
    }
    if (!absl::StartsWith(*name, kIdPrefix)) continue;
    symbols.push_back({*name, symbol.st_value, symbol.st_size});
  }
  if (!symbols.empty() && btf_ids_->header.sh_type == SHT_NOBITS) {
    return BadSection(*btf_ids_, "NOBITS: symbols, but no ids in the file");
  }
  return symbols;
}

bool ModuleFile::has_signature() const {
  return absl::EndsWith(bytes(), kSignatureMarker);
}

absl::StatusOr<uint64_t> ModuleFile::PayloadSize() const {
  absl::string_view rest = bytes();
  while (absl::EndsWith(rest, kSignatureMarker)) {
    const absl::string_view before =
        rest.substr(0, rest.size() - kSignatureMarker.size());
    uint64_t length = 0;
    if (before.size() > kSignatureInfoSize) {
      for (const unsigned char byte : before.substr(before.size() - 4)) {
        length = length << 8 | byte;
      }
    }
    if (before.size() < kSignatureInfoSize + form_.header_size() ||
        length > before.size() - kSignatureInfoSize - form_.header_size()) {
      return Bad(path_, "appended signature", before.size(),
                 absl::StrCat("its length of ", length,
                              " bytes does not fit the file"));
    }
    rest = before.substr(0, before.size() - kSignatureInfoSize - length);
  }
  return rest.size();
}

bool HasBtfMagic(absl::string_view bytes) {
  return absl::StartsWith(bytes, "\x9f\xeb") ||
         absl::StartsWith(bytes, "\xeb\x9f");
}

absl::StatusOr<BtfSource> ReadBtfSource(const std::string& path) {
  ASSIGN_OR_RETURN(const util::UniqueFd fd,
                   util::OpenFile(path, O_RDONLY | O_NONBLOCK));
  return ReadBtfSource(fd.get(), path);
}

absl::StatusOr<BtfSource> ReadBtfSource(int fd, const std::string& path) {
  RETURN_IF_ERROR(util::CheckRegularFd(fd, path));
  ASSIGN_OR_RETURN(util::FileBytes bytes, util::FileBytes::FromFd(fd, path));
  return BtfSourceFromBytes(std::move(bytes), path);
}

absl::StatusOr<BtfSource> BtfSourceFromBytes(util::FileBytes bytes,
                                             const std::string& path) {
  BtfSource source;
  if (HasBtfMagic(bytes.view())) {
    source.raw = std::move(bytes);
    source.btf = source.raw.view();
    return source;
  }
  ASSIGN_OR_RETURN(source.file, ModuleFile::FromBytes(util::UniqueFd(),
                                                      std::move(bytes), path));
  ASSIGN_OR_RETURN(source.btf, source.file->BtfContent());
  if (source.file->btf_base()) {
    ASSIGN_OR_RETURN(source.btf_base, source.file->BtfBaseContent());
  }
  return source;
}

}  // namespace btfd::elf
