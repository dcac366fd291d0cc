// SPDX-License-Identifier: Apache-2.0
//
// An ELF file seen as a carrier of DWARF: its debug sections, inflated where
// they are compressed, its symbols, the addresses of its sections, and the
// relocations that a relocatable file (a kernel module) still has.
//
// A relocatable file has no addresses. Sections get some here, by the rule of
// elfutils' libdwfl for files that are looked at and not loaded, since pahole
// compares such addresses: allocated sections follow each other from 0x10000
// on, each rounded up to its alignment. Values of symbols stay as they are.
//
// Sources: System V ABI (ELF; compressed sections), the ABI supplements of the
// processors for relocation numbers.
#ifndef BTFD_LIB_DWARF_OBJECT_H_
#define BTFD_LIB_DWARF_OBJECT_H_

#include <elf.h>

#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/attributes.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "lib/dwarf/reader.h"
#include "lib/elf/module_file.h"

namespace btfd::dwarf {

struct ObjectSection {
  absl::string_view name;
  uint32_t type = 0;
  uint64_t flags = 0;
  uint64_t address = 0;  // as assigned, in a relocatable file
  uint64_t size = 0;
  // Empty for SHT_NOBITS. As in the file: compressed sections are inflated for
  // the debug sections below only.
  absl::string_view content;
};

// st_shndx of a symbol without a section of its own, as Symbol::section has it.
constexpr uint32_t ReservedSection(uint16_t shndx) {
  return UINT32_MAX - (0xffff - shndx);
}

struct Symbol {
  absl::string_view name;
  uint64_t value = 0;
  uint64_t size = 0;
  uint32_t section =
      0;                // index; see ReservedSection() for SHN_ABS and its like
  uint8_t type = 0;     // STT_
  uint8_t binding = 0;  // STB_
};

class Object;

// Linkers write relocations in the order of their offsets. Those of .debug_info
// are a third of a module: to look whether they are in order, before anything
// is read, would touch all their pages twice.
enum class InfoOrder {
  kChecked,  // and made, where it is another one
  kAssumed,  // whoever reads them checks on the way: Relocations::OrderCheck
};

// The relocations of one section, in order of their offsets.
class Relocations {
  friend class Object;
  // How a relocation's info word is applied: what to add to the addend.
  struct Rule {
    uint64_t info = ~uint64_t{0};
    bool applies = false;
    uint64_t mask = ~uint64_t{0};  // the field's width
    uint64_t add = 0;
  };

 public:
  bool empty() const { return count_ == 0; }
  // What stands at `offset` once relocated, if a relocation is there that is
  // to be applied. `from` is where to look first, and is moved there: for a
  // reader that goes forward.
  std::optional<uint64_t> ValueAt(uint64_t offset, size_t* from) const {
    size_t at = *from;
    while (at < count_ && OffsetOf(at) < offset) ++at;
    *from = at;
    if (at == count_ || OffsetOf(at) != offset) return std::nullopt;
    return Resolve(at);
  }
  // ValueAt() for a reader of a file like most: by machine instructions alone
  // where the entry has the rule of the one before.
  class Cursor {
   public:
    Cursor() = default;
    Cursor(const Relocations& relocations, uint64_t offset)
        : relocations_(&relocations),
          table_(relocations.table_.data()),
          native_count_(relocations.native_ ? relocations.count_ : 0),
          next_(relocations.Start(offset)) {}
    // What stands at `offset` once relocated: `value` where no relocation is to
    // be applied.
    uint64_t Apply(uint64_t offset, uint64_t value) {
      if (relocations_ == nullptr) return value;
      return ApplyNext(offset, &value) ? value : ApplyOther(offset, value);
    }
    // Apply() if the next entry is the one for `offset`, of the last one's
    // rule; else false.
    bool ApplyNext(uint64_t offset, uint64_t* value) {
      if (next_ >= native_count_) return false;
      Elf64_Rela entry;
      memcpy(&entry, table_ + next_ * sizeof(entry), sizeof(entry));
      if (entry.r_offset != offset || entry.r_info != rule_.info) return false;
      ++next_;
      *value = (static_cast<uint64_t>(entry.r_addend) + rule_.add) & rule_.mask;
      return true;
    }
    // Whether there are no relocations.
    bool none() const { return relocations_ == nullptr; }
    // Apply() that steps over entries, and finds another rule.
    ABSL_ATTRIBUTE_NOINLINE uint64_t ApplyOther(uint64_t offset,
                                                uint64_t value);

   private:
    const Relocations* relocations_ = nullptr;
    const char* table_ = nullptr;
    size_t native_count_ = 0;  // 0 if the table is not to be read as it stands
    size_t next_ = 0;
    Rule rule_;  // one that applies
  };
  // Goes over the offsets behind a reader.
  class OrderCheck {
   public:
    explicit OrderCheck(const Relocations& relocations)
        : relocations_(relocations),
          next_(relocations.order_is_known_ ? relocations.count_ : 0) {}
    // Whether they are in order up to `offset`. Where they are not, all that
    // was found by Cursor, Find() and Start() may be wrong.
    bool UpTo(uint64_t offset) {
      if (!relocations_.native_) {
        return Walk(offset, [this](size_t index) {
          return relocations_.SlowOffsetOf(index);
        });
      }
      return Walk(offset, [table = relocations_.table_.data()](size_t index) {
        uint64_t place;
        memcpy(&place, table + index * sizeof(Elf64_Rela), sizeof(place));
        return place;
      });
    }

   private:
    template <typename OffsetOf>
    bool Walk(uint64_t offset, OffsetOf offset_of) {
      const size_t count = relocations_.count_;
      for (; in_order_ && next_ < count; ++next_) {
        const uint64_t place = offset_of(next_);
        if (place > offset) break;
        in_order_ = place >= last_;
        last_ = place;
      }
      return in_order_;
    }

    const Relocations& relocations_;
    size_t next_;
    uint64_t last_ = 0;
    bool in_order_ = true;
  };
  // The same without an order.
  std::optional<uint64_t> Find(uint64_t offset) const {
    size_t at = Start(offset);
    return ValueAt(offset, &at);
  }
  // The table as it stands in the file.
  absl::string_view table() const { return table_; }
  // Where a reader that starts at `offset` looks first.
  size_t Start(uint64_t offset) const;
  // InvalidArgument or Unimplemented where one that was asked for cannot be
  // applied: its type or its symbol is not known.
  absl::Status status() const { return status_; }

 private:
  uint64_t OffsetOf(size_t index) const {
    if (native_) {
      uint64_t offset;
      memcpy(&offset, table_.data() + index * sizeof(Elf64_Rela), 8);
      return offset;
    }
    return SlowOffsetOf(index);
  }
  uint64_t SlowOffsetOf(size_t index) const;
  std::optional<uint64_t> Resolve(size_t index) const {
    if (native_) {
      Elf64_Rela entry;
      memcpy(&entry, table_.data() + index * sizeof(entry), sizeof(entry));
      if (entry.r_info == last_.info && last_.applies) {
        return (static_cast<uint64_t>(entry.r_addend) + last_.add) & last_.mask;
      }
    }
    return SlowResolve(index);
  }
  std::optional<uint64_t> SlowResolve(size_t index) const;
  Rule MakeRule(uint64_t info, uint64_t offset) const;

  const Object* object_ = nullptr;
  absl::string_view table_;  // Elf64_Rela or Elf32_Rela as in the file
  std::vector<std::pair<uint64_t, uint32_t>> sorted_;  // only if it was not
  size_t count_ = 0;
  size_t entry_size_ = 0;
  bool native_ = false;  // 64 bits, host byte order, sorted: read as it is
  bool order_is_known_ = true;
  mutable Rule last_;  // nearly all are of one symbol, .debug_str's
  absl::string_view section_name_;
  mutable absl::Status status_;
};

struct DebugSection {
  absl::string_view content;
  Relocations relocations;
  bool present() const { return content.data() != nullptr; }
};

// Immutable once open, and thread-safe but for Relocations::status(). Views go
// into `file`, which must outlive it.
class Object {
 public:
  // InvalidArgument, naming section and offset, for what is defective;
  // Unimplemented for what the format allows and is not read here (REL
  // relocations, an unknown compression). A file without DWARF is no error.
  static absl::StatusOr<std::unique_ptr<Object>> Open(
      const elf::ModuleFile& file, InfoOrder order = InfoOrder::kChecked);

  Object(const Object&) = delete;
  Object& operator=(const Object&) = delete;

  bool has_dwarf() const { return info.present() && !info.content.empty(); }
  bool big_endian() const { return file_.form().big_endian; }
  bool relocatable() const { return file_.header().e_type == ET_REL; }
  uint16_t machine() const { return file_.header().e_machine; }
  uint32_t address_size() const { return file_.form().is_64bit ? 8 : 4; }
  const elf::ModuleFile& file() const { return file_; }

  const std::vector<ObjectSection>& sections() const { return sections_; }
  // The section named .symtab, in its order; false where there is none.
  bool has_symbols() const { return has_symbols_; }
  const std::vector<Symbol>& symbols() const { return symbols_; }
  Reader ReaderOf(const DebugSection& section) const {
    return Reader(section.content, big_endian());
  }

  DebugSection info, types, abbrev, str, line_str, str_offsets, addr, loclists,
      loc;

 private:
  friend class Relocations;
  explicit Object(const elf::ModuleFile& file) : file_(file) {}

  void AssignAddresses();
  absl::Status ReadSymbols();
  absl::Status ReadDebugSections(InfoOrder order);
  absl::Status Inflate(const ObjectSection& section, absl::string_view* out);
  absl::Status FindRelocations(uint32_t target, InfoOrder order,
                               DebugSection* section);

  const elf::ModuleFile& file_;
  std::vector<ObjectSection> sections_;
  std::vector<std::unique_ptr<char[]>> inflated_;
  bool has_symbols_ = false;
  absl::string_view symbol_table_;
  std::vector<Symbol> symbols_;
};

}  // namespace btfd::dwarf

#endif  // BTFD_LIB_DWARF_OBJECT_H_
