// SPDX-License-Identifier: Apache-2.0
//
// Units and their abbreviations, and a cursor over the DIEs of a unit.
//
// An abbreviation is compiled once, when its unit is opened, into steps "skip
// that many bytes, then take this attribute": most attributes of a DIE are of
// no interest to a type reader, most forms have a fixed size, and so most of a
// DIE is passed over by adding a constant.
//
// Sources: DWARF version 5, sections 7.5 (units, abbreviations, forms), 7.26
// (string offsets), 7.27 (addresses).
#ifndef BTFD_LIB_DWARF_UNIT_H_
#define BTFD_LIB_DWARF_UNIT_H_

#include <cstdint>
#include <cstring>
#include <string>
#include <unordered_map>
#include <vector>

#include "absl/base/attributes.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "lib/dwarf/constants.h"
#include "lib/dwarf/object.h"
#include "lib/dwarf/reader.h"
#include "lib/util/endian.h"

namespace btfd::dwarf {

// The attributes that are taken.
enum Slot : uint8_t {
  kSibling,
  kName,
  kType,
  kByteSize,
  kBitSize,
  kBitOffset,
  kDataBitOffset,
  kMemberLocation,
  kEncoding,
  kUpperBound,
  kCount,
  kConstValue,
  kDeclaration,
  kExternal,
  kArtificial,
  kSpecification,
  kAbstractOrigin,
  kInline,
  kLowPc,
  kLocation,
  kCallingConvention,
  kLanguage,
  kProducer,
  kStrOffsetsBase,
  kAddrBase,
  kLoclistsBase,
  kAnnotation,
  kSlotCount,
  kNoSlot = kSlotCount,  // passed over
};

enum class ValueClass : uint8_t {
  kNone,
  kConstant,    // `number`, sign-extended only where the form has a sign
  kAddress,     // `number`
  kString,      // `number`: offset in .debug_str
  kLineString,  // `number`: offset in .debug_line_str
  kInline,      // `number`: offset of the text in .debug_info
  kReference,   // `number`: offset in .debug_info
  kBlock,       // `number`: offset in .debug_info of `length` bytes
  kSecOffset,   // `number`: offset in another section
  kListIndex,   // `number`: index into the unit's location lists
  kOther,       // known in size, of no use here (`number` is the form)
};

struct Value {
  uint64_t number = 0;
  uint32_t length = 0;
  ValueClass type = ValueClass::kNone;
};

struct AbbrevStep {
  uint8_t slot;
  bool variable;  // the form says its size itself
  uint16_t form;  // kFormIndirect is resolved when it is read
  uint32_t skip;  // bytes to pass over before this attribute
  int64_t implicit;
};

// Where a DIE has a number of up to four bytes: `at` bytes behind its code, of
// these the bits in `mask`. What is not in the DIE has no mask, but a `value`.
struct PlainField {
  uint32_t mask = 0;
  uint32_t value = 0;
  uint16_t at = 0;
};

struct Abbrev {
  uint16_t tag = 0;  // 0: no such code
  bool has_children = false;
  bool refers_across_units = false;  // has a form DW_FORM_ref_addr
  uint32_t first_step = 0;
  uint32_t step_count = 0;
  uint32_t tail_skip = 0;  // bytes behind the last step
  // Bytes that a DIE has at least: what has a fixed size, and a byte for what
  // has not.
  uint32_t least_size = 0;
  uint32_t present = 0;  // the slots of its steps, as Die has them
  // All forms are of fixed size and are what TakeSimple() knows, and
  // least_size is the size.
  bool simple = false;
  // It is simple, and NextPlain() knows its tag and all of its slots.
  bool plain = false;
  PlainField name, type, first, second;  // of such a one, see PlainDie
};

struct Unit {
  uint64_t offset = 0;  // of the header in .debug_info
  uint64_t first_die = 0;
  uint64_t end = 0;
  uint64_t abbrev_offset = 0;
  uint16_t version = 0;
  uint8_t type = kUtCompile;
  uint8_t offset_size = 4;
  uint8_t address_size = 8;
  // Of the unit's own DIE, once it was read.
  uint16_t language = 0;
  bool is_clang = false;
  uint64_t str_offsets_base = 0;
  uint64_t addr_base = 0;
  uint64_t loclists_base = 0;
};

// The abbreviations of one unit. Reusable: Load() forgets what was there.
class AbbrevTable {
 public:
  // InvalidArgument with section and offset for a defective table;
  // ResourceExhausted where units take the same long table again and again.
  absl::Status Load(const Object& object, const Unit& unit);
  const Abbrev* Find(uint64_t code) const {
    if (code - 1 < dense_.size()) return &dense_[code - 1];
    if (sparse_.empty()) return nullptr;
    const auto found = sparse_.find(code);
    return found == sparse_.end() ? nullptr : &found->second;
  }
  // Those of the codes 1, 2, ... up to the first gap.
  const Abbrev* dense() const { return dense_.data(); }
  size_t dense_size() const { return dense_.size(); }
  const AbbrevStep* steps(const Abbrev& abbrev) const {
    return steps_.data() + abbrev.first_step;
  }
  // Whether one of them has a form DW_FORM_ref_addr.
  bool refers_across_units() const { return refers_across_units_; }

 private:
  // Of the forms below kListedForms the size in bytes, kVariable if it says its
  // own, or kUnknown: by the sizes of the unit.
  static constexpr uint64_t kListedForms = 0x30;
  static constexpr int8_t kVariable = -1;
  static constexpr int8_t kUnknown = -2;
  int8_t form_sizes_[kListedForms];

  uint64_t loaded_offset_ = ~uint64_t{0};
  uint8_t loaded_sizes_ = 0;
  uint64_t bytes_read_ = 0;    // of all tables so far
  std::vector<Abbrev> dense_;  // codes 1, 2, ... as compilers number them
  std::unordered_map<uint64_t, Abbrev> sparse_;
  std::vector<AbbrevStep> steps_;
  bool refers_across_units_ = false;
};

struct Die {
  uint64_t offset = 0;  // in .debug_info
  const Abbrev* abbrev = nullptr;
  uint32_t present = 0;  // by Slot; only these values are valid
  Value values[kSlotCount];

  uint16_t tag() const { return abbrev->tag; }
  bool has_children() const { return abbrev->has_children; }
  bool has(Slot slot) const { return (present >> slot) & 1; }
  // The number of a constant, a flag or an address, as the encoder reads
  // numbers: 0 where it is absent or of another class.
  uint64_t Number(Slot slot) const {
    if (!has(slot)) return 0;
    const Value& value = values[slot];
    return value.type == ValueClass::kConstant ||
                   value.type == ValueClass::kAddress
               ? value.number
               : 0;
  }
  bool IsConstant(Slot slot) const {
    return has(slot) && values[slot].type == ValueClass::kConstant;
  }
};

// What most DIEs are: types and what is in them.
struct PlainDie {
  uint64_t offset = 0;  // in .debug_info
  const Abbrev* abbrev = nullptr;
  uint64_t name = 0;  // in .debug_str
  uint32_t type = 0;  // counted from the unit's header
  // 0 where absent. Of a member the place (DW_AT_data_member_location or
  // DW_AT_data_bit_offset) and DW_AT_bit_size; of an enumerator
  // DW_AT_const_value; of a type DW_AT_byte_size and DW_AT_encoding; of a
  // subrange DW_AT_upper_bound or DW_AT_count.
  uint32_t first = 0;
  uint32_t second = 0;

  uint16_t tag() const { return abbrev->tag; }
  bool has(Slot slot) const { return (abbrev->present >> slot) & 1; }
};

// Goes over the DIEs of one unit, forward only.
class DieCursor {
 public:
  // All must outlive it. Starts at the unit's own DIE.
  DieCursor(const Object& object, const Unit& unit, const AbbrevTable& abbrevs)
      : object_(object),
        unit_(unit),
        abbrevs_(abbrevs),
        reader_(object.info.content.substr(0, unit.end), object.big_endian()),
        host_order_(object.big_endian() == util::kHostIsBigEndian),
        dense_(abbrevs.dense()),
        plain_codes_(host_order_ ? abbrevs.dense_size() : 0) {
    reader_.Seek(unit.first_die);
    if (!object.info.relocations.empty()) {
      relocation_ = {object.info.relocations, unit.first_die};
    }
  }

  // Reads the DIE here. False at a null entry, which ends a list of siblings,
  // at the unit's end, and after an error: see status().
  bool Next(Die* die);
  // Reads the DIE here if it is plain, with half of the instructions of Next().
  // Else false, and it is still to be read.
  bool NextPlain(PlainDie* die);
  uint64_t offset() const { return reader_.offset(); }
  bool at_end() const { return reader_.left() == 0; }
  // Precondition: offset >= offset(), else an error.
  void Jump(uint64_t offset);
  // Passes over all that lies below `die`, the DIE read last.
  void SkipChildren(const Die& die);
  void SkipChildren(const PlainDie& die) {
    if (die.abbrev->has_children) SkipToEnd();
  }
  const absl::Status& status() const { return status_; }
  bool ok() const { return status_.ok(); }

 private:
  // Passes over the rest of a list of siblings, and what is below them.
  void SkipToEnd();
  // Where the relocation is not the next one. True.
  ABSL_ATTRIBUTE_NOINLINE bool RelocateName(uint64_t place, PlainDie* die);
  // All steps of an abbreviation that is simple, of bytes that are there.
  void TakeSimple(const Abbrev& abbrev, Value* values);
  // A step, of which all bytes but those of a form without a fixed size are
  // known to be there.
  void TakeQuickly(const AbbrevStep& step, Value* value);
  void Take(const AbbrevStep& step, uint16_t form, Value* value);
  void TakeStringIndex(uint64_t index, Value* value);
  void TakeAddressIndex(uint64_t index, Value* value);
  void Fail(uint64_t offset, const std::string& what);

  const Object& object_;
  const Unit& unit_;
  const AbbrevTable& abbrevs_;
  Reader reader_;
  const bool host_order_;
  // For NextPlain(): abbreviations of the codes 1, 2, ... and how many there
  // are.
  const Abbrev* const dense_;
  const uint64_t plain_codes_;
  Relocations::Cursor relocation_;
  absl::Status status_;
};

// The header of the unit at `offset`; `*next` is where the next one starts.
absl::StatusOr<Unit> ReadUnitHeader(const Object& object,
                                    const DebugSection& section,
                                    uint64_t offset, uint64_t* next);

// Fills what Unit says of its own DIE.
void ReadUnitDie(const Object& object, const Die& die, Unit* unit);

// The text of a string value; empty if the value is none. InvalidArgument where
// it lies outside of its section.
absl::StatusOr<absl::string_view> TextOf(const Object& object,
                                         const Value& value);

// .debug_addr[index] of the unit.
absl::StatusOr<uint64_t> AddressAt(const Object& object, const Unit& unit,
                                   uint64_t index);

}  // namespace btfd::dwarf

#endif  // BTFD_LIB_DWARF_UNIT_H_
