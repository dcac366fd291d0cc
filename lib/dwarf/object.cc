// SPDX-License-Identifier: Apache-2.0
#include "lib/dwarf/object.h"

#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "lib/elf/elf_format.h"
#include "lib/util/endian.h"
#include "lib/util/status_macros.h"

namespace btfd::dwarf {

namespace {

constexpr uint64_t kFirstAddress = 0x10000;
// More than any compressor gains: a header that claims more is not believed.
constexpr uint64_t kMostPerByte = 1100;
constexpr uint64_t kMostFree = uint64_t{1} << 20;
constexpr uint32_t kCompressedZstd = 2;  // ELFCOMPRESS_ZSTD, newer than <elf.h>

uint64_t RoundUp(uint64_t value, uint64_t alignment) {
  if (alignment <= 1) return value;
  const uint64_t rest = value % alignment;
  return rest == 0 ? value : value + (alignment - rest);
}

// The relocations that put a symbol's address into 8 or 4 bytes.
struct Absolute {
  uint16_t machine;
  uint32_t type64;
  uint32_t type32;
};
constexpr Absolute kAbsolute[] = {
    {EM_X86_64, R_X86_64_64, R_X86_64_32},
    {EM_AARCH64, R_AARCH64_ABS64, R_AARCH64_ABS32},
    {EM_S390, R_390_64, R_390_32},
    {EM_PPC64, R_PPC64_ADDR64, R_PPC64_ADDR32},
    {EM_RISCV, R_RISCV_64, R_RISCV_32},
    {EM_SPARCV9, R_SPARC_UA64, R_SPARC_UA32},
    {258 /* LoongArch */, 2, 1},
};

}  // namespace

uint64_t Relocations::SlowOffsetOf(size_t index) const {
  if (!sorted_.empty()) return sorted_[index].first;
  Reader reader(table_.substr(index * entry_size_), object_->big_endian());
  return entry_size_ == sizeof(Elf64_Rela) ? reader.U64() : reader.U32();
}

std::optional<uint64_t> Relocations::SlowResolve(size_t index) const {
  const size_t entry = sorted_.empty() ? index : sorted_[index].second;
  Reader reader(table_.substr(entry * entry_size_, entry_size_),
                object_->big_endian());
  uint64_t offset, info, addend;
  if (entry_size_ == sizeof(Elf64_Rela)) {
    offset = reader.U64();
    info = reader.U64();
    addend = reader.U64();
  } else {
    offset = reader.U32();
    const uint32_t narrow = reader.U32();
    info = ELF64_R_INFO(uint64_t{ELF32_R_SYM(narrow)}, ELF32_R_TYPE(narrow));
    addend = static_cast<int32_t>(reader.U32());
  }
  if (info != last_.info) last_ = MakeRule(info, offset);
  if (!last_.applies) return std::nullopt;
  return (addend + last_.add) & last_.mask;
}

Relocations::Rule Relocations::MakeRule(uint64_t info, uint64_t offset) const {
  const uint64_t symbol = ELF64_R_SYM(info);
  const uint64_t type = ELF64_R_TYPE(info);
  Rule rule;
  rule.info = info;
  if (type == 0) return rule;  // R_*_NONE
  const auto known = std::find_if(
      std::begin(kAbsolute), std::end(kAbsolute), [&](const Absolute& a) {
        return a.machine == object_->machine() &&
               (a.type64 == type || a.type32 == type);
      });
  if (known == std::end(kAbsolute)) {
    if (status_.ok()) {
      status_ = absl::UnimplementedError(absl::StrFormat(
          "%s: relocation of type %d at offset %#x is not known", section_name_,
          type, offset));
    }
    return rule;
  }
  const std::vector<Symbol>& symbols = object_->symbols();
  if (symbol >= symbols.size()) {
    if (status_.ok()) {
      status_ = absl::InvalidArgumentError(absl::StrFormat(
          "%s: the relocation at offset %#x is of symbol %d of %d",
          section_name_, offset, symbol, symbols.size()));
    }
    return rule;
  }
  const Symbol& target = symbols[symbol];
  if (symbol != 0) {
    // What has no place yet is left as it is.
    if (target.section == SHN_UNDEF ||
        target.section == ReservedSection(SHN_COMMON)) {
      return rule;
    }
    rule.add = target.value;
    if (target.section < object_->sections().size()) {
      const ObjectSection& section = object_->sections()[target.section];
      if ((section.flags & SHF_ALLOC) != 0) rule.add += section.address;
    }
  }
  rule.applies = true;
  if (known->type32 == type) rule.mask = 0xffffffff;
  return rule;
}

size_t Relocations::Start(uint64_t offset) const {
  size_t low = 0, high = count_;
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    if (OffsetOf(middle) < offset) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

absl::StatusOr<std::unique_ptr<Object>> Object::Open(
    const elf::ModuleFile& file, InfoOrder order) {
  std::unique_ptr<Object> object(new Object(file));
  object->sections_.reserve(file.section_count());
  for (uint32_t i = 0; i < file.section_count(); ++i) {
    const elf::Section section = file.section(i);
    ObjectSection& known = object->sections_.emplace_back();
    known.name = section.name;
    known.type = section.header.sh_type;
    known.flags = section.header.sh_flags;
    known.address = section.header.sh_addr;
    known.size = section.header.sh_size;
    known.content = section.content;
  }
  if (object->relocatable()) object->AssignAddresses();
  RETURN_IF_ERROR(object->ReadSymbols());
  RETURN_IF_ERROR(object->ReadDebugSections(order));
  return object;
}

// The base of the file is rounded up to the largest alignment that was met; a
// section that asks for more than those before it makes all of them move.
void Object::AssignAddresses() {
  uint64_t base = kFirstAddress;
  uint64_t base_alignment = 1;
  uint64_t next = base;
  for (size_t i = 0; i < sections_.size(); ++i) {
    ObjectSection& section = sections_[i];
    if ((section.flags & SHF_ALLOC) == 0) continue;
    const uint64_t alignment = file_.section(i).header.sh_addralign;
    if (file_.section(i).header.sh_addr != 0) continue;
    if (alignment > base_alignment) {
      base_alignment = alignment;
      const uint64_t moved = RoundUp(kFirstAddress, alignment);
      if (moved != base) {
        base = moved;
        next = base;
        for (size_t k = 0; k < i; ++k) {
          if ((sections_[k].flags & SHF_ALLOC) == 0 ||
              file_.section(k).header.sh_addr != 0) {
            continue;
          }
          next = RoundUp(next, file_.section(k).header.sh_addralign);
          sections_[k].address = next;
          next += sections_[k].size;
        }
      }
    }
    next = RoundUp(next, alignment);
    section.address = next;
    next += section.size;
  }
}

absl::Status Object::ReadSymbols() {
  const elf::ElfForm form = file_.form();
  uint32_t index = 0;
  for (uint32_t i = 1; i < sections_.size(); ++i) {
    if (sections_[i].name == ".symtab" && sections_[i].type == SHT_SYMTAB) {
      index = i;
      break;
    }
  }
  if (index == 0) return absl::OkStatus();
  has_symbols_ = true;
  const elf::Section table = file_.section(index);
  const uint64_t size = form.symbol_size();
  const uint64_t count = table.content.size() / size;
  if (table.header.sh_link >= sections_.size()) {
    return file_.BadSection(table, "its string table does not exist");
  }
  const absl::string_view names = sections_[table.header.sh_link].content;
  absl::string_view wide_indexes;
  for (uint32_t i = 1; i < sections_.size(); ++i) {
    if (sections_[i].type == SHT_SYMTAB_SHNDX &&
        file_.section(i).header.sh_link == index) {
      wide_indexes = sections_[i].content;
    }
  }
  symbols_.resize(count);
  for (uint64_t i = 0; i < count; ++i) {
    const Elf64_Sym raw =
        elf::DecodeSymbol(form, table.content.data() + i * size);
    Symbol& symbol = symbols_[i];
    symbol.value = raw.st_value;
    symbol.size = raw.st_size;
    symbol.type = ELF64_ST_TYPE(raw.st_info);
    symbol.binding = ELF64_ST_BIND(raw.st_info);
    symbol.section = raw.st_shndx;
    if (raw.st_shndx == SHN_XINDEX) {
      Reader reader(wide_indexes, form.big_endian);
      reader.Seek(i * 4);
      symbol.section = reader.U32();
      if (reader.failed()) {
        return file_.BadSection(
            table, absl::StrCat("symbol ", i, " has no section index"));
      }
    } else if (raw.st_shndx >= SHN_LORESERVE) {
      symbol.section = ReservedSection(raw.st_shndx);
    }
    const void* nul =
        raw.st_name < names.size()
            ? memchr(names.data() + raw.st_name, 0, names.size() - raw.st_name)
            : nullptr;
    if (nul == nullptr) {
      if (raw.st_name == 0) continue;
      return file_.BadSection(
          table, absl::StrCat("symbol ", i, " has no proper name"));
    }
    const char* start = names.data() + raw.st_name;
    symbol.name =
        absl::string_view(start, static_cast<const char*>(nul) - start);
  }
  return absl::OkStatus();
}

absl::Status Object::Inflate(const ObjectSection& section,
                             absl::string_view* out) {
  Reader reader(section.content, big_endian());
  const uint32_t type = reader.U32();
  if (file_.form().is_64bit) reader.U32();
  const uint64_t size = file_.form().is_64bit ? reader.U64() : reader.U32();
  if (file_.form().is_64bit) {
    reader.U64();
  } else {
    reader.U32();
  }
  const auto bad = [&](absl::string_view what) {
    return absl::InvalidArgumentError(
        absl::StrCat(file_.path(), ": section ", section.name, ": ", what));
  };
  if (reader.failed()) return bad("cut off in its compression header");
  const absl::string_view packed = reader.rest();
  if (size > packed.size() * kMostPerByte + kMostFree) {
    return bad(
        absl::StrCat("claims ", size, " bytes, inflated from ", packed.size()));
  }
  std::unique_ptr<char[]> plain(new char[size]);
  if (type == ELFCOMPRESS_ZLIB) {
    uLongf made = size;
    if (uncompress(reinterpret_cast<Bytef*>(plain.get()), &made,
                   reinterpret_cast<const Bytef*>(packed.data()),
                   packed.size()) != Z_OK ||
        made != size) {
      return bad("its zlib stream is damaged");
    }
  } else if (type == kCompressedZstd) {
    const size_t made =
        ZSTD_decompress(plain.get(), size, packed.data(), packed.size());
    if (ZSTD_isError(made) || made != size) {
      return bad("its zstd stream is damaged");
    }
  } else {
    return absl::UnimplementedError(absl::StrCat(file_.path(), ": section ",
                                                 section.name, ": compression ",
                                                 type, " is not known"));
  }
  *out = absl::string_view(plain.get(), size);
  inflated_.push_back(std::move(plain));
  return absl::OkStatus();
}

uint64_t Relocations::Cursor::ApplyOther(uint64_t offset, uint64_t value) {
  const std::optional<uint64_t> found = relocations_->ValueAt(offset, &next_);
  if (!found.has_value()) return value;
  ++next_;
  if (native_count_ != 0) rule_ = relocations_->last_;
  return *found;
}

absl::Status Object::FindRelocations(uint32_t target, InfoOrder order,
                                     DebugSection* section) {
  for (uint32_t i = 1; i < sections_.size(); ++i) {
    const ObjectSection& table = sections_[i];
    if (table.type != SHT_RELA && table.type != SHT_REL) continue;
    if (file_.section(i).header.sh_info != target) continue;
    if (table.type == SHT_REL && !table.content.empty()) {
      return absl::UnimplementedError(
          absl::StrCat(file_.path(), ": section ", table.name,
                       ": relocations without an addend are not read"));
    }
    Relocations& relocations = section->relocations;
    relocations.object_ = this;
    relocations.section_name_ = sections_[target].name;
    absl::string_view content = table.content;
    if ((table.flags & SHF_COMPRESSED) != 0) {
      RETURN_IF_ERROR(Inflate(table, &content));
    }
    relocations.table_ = content;
    relocations.entry_size_ =
        file_.form().is_64bit ? sizeof(Elf64_Rela) : sizeof(Elf32_Rela);
    relocations.count_ = content.size() / relocations.entry_size_;
    relocations.native_ =
        file_.form().is_64bit && big_endian() == util::kHostIsBigEndian;
    relocations.order_is_known_ = false;
    if (order == InfoOrder::kAssumed && relocations.native_) {
      return absl::OkStatus();
    }
    if (!Relocations::OrderCheck(relocations).UpTo(UINT64_MAX)) {
      relocations.native_ = false;
      std::vector<std::pair<uint64_t, uint32_t>> sorted(relocations.count_);
      for (size_t k = 0; k < relocations.count_; ++k) {
        sorted[k] = {relocations.OffsetOf(k), k};
      }
      std::stable_sort(
          sorted.begin(), sorted.end(),
          [](const auto& a, const auto& b) { return a.first < b.first; });
      relocations.sorted_ = std::move(sorted);
    }
    relocations.order_is_known_ = true;
    return absl::OkStatus();
  }
  return absl::OkStatus();
}

absl::Status Object::ReadDebugSections(InfoOrder order) {
  struct {
    absl::string_view name;
    DebugSection* section;
  } const wanted[] = {
      {".debug_info", &info},         {".debug_types", &types},
      {".debug_abbrev", &abbrev},     {".debug_str", &str},
      {".debug_line_str", &line_str}, {".debug_str_offsets", &str_offsets},
      {".debug_addr", &addr},         {".debug_loclists", &loclists},
      {".debug_loc", &loc},
  };
  for (uint32_t i = 1; i < sections_.size(); ++i) {
    const ObjectSection& section = sections_[i];
    if (section.name.substr(0, 7) != ".debug_") continue;
    for (const auto& want : wanted) {
      if (section.name != want.name || want.section->present()) continue;
      if ((section.flags & SHF_COMPRESSED) != 0) {
        RETURN_IF_ERROR(Inflate(section, &want.section->content));
      } else {
        want.section->content = section.content;
      }
      if (!relocatable()) continue;
      RETURN_IF_ERROR(FindRelocations(
          i, want.section == &info ? order : InfoOrder::kChecked,
          want.section));
    }
  }
  return absl::OkStatus();
}

}  // namespace btfd::dwarf
