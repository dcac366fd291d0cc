// SPDX-License-Identifier: Apache-2.0
#include "lib/dwarf/unit.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "lib/util/status_macros.h"

namespace btfd::dwarf {

namespace {

// A table that claims more is not a compiler's.
constexpr size_t kMostAbbrevs = 1 << 20;
constexpr size_t kMostSteps = 1 << 22;
constexpr uint32_t kMostSkipped = 1 << 24;
// Tables that units share are read again for each: by so many bytes in all, and
// so many for each byte of the sections.
constexpr uint64_t kFreeTableBytes = uint64_t{1} << 26;
constexpr uint64_t kTableBytesPerByte = 16;

absl::Status Bad(absl::string_view section, uint64_t offset,
                 absl::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrFormat("%s at offset %#x: %s", section, offset, what));
}

constexpr uint32_t Bit(Slot slot) { return uint32_t{1} << slot; }

Slot SlotOf(uint64_t attribute) {
  switch (attribute) {
    case kAtSibling:
      return kSibling;
    case kAtName:
      return kName;
    case kAtType:
      return kType;
    case kAtByteSize:
      return kByteSize;
    case kAtBitSize:
      return kBitSize;
    case kAtBitOffset:
      return kBitOffset;
    case kAtDataBitOffset:
      return kDataBitOffset;
    case kAtDataMemberLocation:
      return kMemberLocation;
    case kAtEncoding:
      return kEncoding;
    case kAtUpperBound:
      return kUpperBound;
    case kAtCount:
      return kCount;
    case kAtConstValue:
      return kConstValue;
    case kAtDeclaration:
      return kDeclaration;
    case kAtExternal:
      return kExternal;
    case kAtArtificial:
      return kArtificial;
    case kAtSpecification:
      return kSpecification;
    case kAtAbstractOrigin:
      return kAbstractOrigin;
    case kAtInline:
      return kInline;
    case kAtLowPc:
      return kLowPc;
    case kAtLocation:
      return kLocation;
    case kAtCallingConvention:
      return kCallingConvention;
    case kAtLanguage:
      return kLanguage;
    case kAtProducer:
      return kProducer;
    case kAtStrOffsetsBase:
      return kStrOffsetsBase;
    case kAtAddrBase:
      return kAddrBase;
    case kAtLoclistsBase:
      return kLoclistsBase;
    case kAtGnuAnnotation:
      return kAnnotation;
    default:
      return kNoSlot;
  }
}

// What is asked of a DIE, by its tag. DIEs that are passed over with all below
// them need their sibling alone.
uint32_t InterestOf(uint16_t tag) {
  constexpr uint32_t kPlain = Bit(kSibling) | Bit(kName) | Bit(kType);
  switch (tag) {
    case kTagMember:
    case kTagInheritance:
      return kPlain | Bit(kByteSize) | Bit(kBitSize) | Bit(kBitOffset) |
             Bit(kDataBitOffset) | Bit(kMemberLocation) | Bit(kAnnotation);
    case kTagEnumerator:
      return Bit(kSibling) | Bit(kName) | Bit(kConstValue);
    case kTagFormalParameter:
      return kPlain | Bit(kAbstractOrigin) | Bit(kLocation) | Bit(kConstValue) |
             Bit(kAnnotation);
    case kTagVariable:
      return kPlain | Bit(kSpecification) | Bit(kAbstractOrigin) |
             Bit(kDeclaration) | Bit(kExternal) | Bit(kArtificial) |
             Bit(kLocation) | Bit(kAnnotation);
    case kTagSubprogram:
      return kPlain | Bit(kSpecification) | Bit(kAbstractOrigin) |
             Bit(kDeclaration) | Bit(kExternal) | Bit(kInline) | Bit(kLowPc) |
             Bit(kCallingConvention) | Bit(kAnnotation);
    case kTagStructureType:
    case kTagClassType:
    case kTagUnionType:
    case kTagEnumerationType:
    case kTagInterfaceType:
    case kTagTypedef:
      return kPlain | Bit(kByteSize) | Bit(kDeclaration) | Bit(kSpecification) |
             Bit(kAnnotation) | Bit(kAbstractOrigin);
    case kTagBaseType:
      return Bit(kSibling) | Bit(kName) | Bit(kByteSize) | Bit(kEncoding) |
             Bit(kBitSize);
    case kTagPointerType:
      return kPlain | Bit(kByteSize) | Bit(kAnnotation);
    case kTagSubrangeType:
      return Bit(kSibling) | Bit(kUpperBound) | Bit(kCount);
    case kTagCompileUnit:
    case kTagPartialUnit:
    case kTagSkeletonUnit:
    case kTagTypeUnit:
      return Bit(kLanguage) | Bit(kProducer) | Bit(kStrOffsetsBase) |
             Bit(kAddrBase) | Bit(kLoclistsBase);
    case kTagLlvmAnnotation:
    case kTagGnuAnnotation:
      return Bit(kSibling) | Bit(kName) | Bit(kConstValue) | Bit(kAnnotation);
    case kTagInlinedSubroutine:
      return kPlain | Bit(kAbstractOrigin);
    case kTagLexicalBlock:
    case kTagCallSite:
    case kTagGnuCallSite:
      return Bit(kSibling);
    default:
      return kPlain | Bit(kByteSize);
  }
}

// The size of a form in bytes, or nothing if it says its own.
std::optional<uint32_t> FixedSize(uint64_t form, const Unit& unit) {
  switch (form) {
    case kFormFlagPresent:
    case kFormImplicitConst:
      return 0;
    case kFormData1:
    case kFormRef1:
    case kFormFlag:
    case kFormStrx1:
    case kFormAddrx1:
      return 1;
    case kFormData2:
    case kFormRef2:
    case kFormStrx2:
    case kFormAddrx2:
      return 2;
    case kFormStrx3:
    case kFormAddrx3:
      return 3;
    case kFormData4:
    case kFormRef4:
    case kFormStrx4:
    case kFormAddrx4:
    case kFormRefSup4:
      return 4;
    case kFormData8:
    case kFormRef8:
    case kFormRefSig8:
    case kFormRefSup8:
      return 8;
    case kFormData16:
      return 16;
    case kFormAddr:
      return unit.address_size;
    case kFormRefAddr:
      return unit.version <= 2 ? unit.address_size : unit.offset_size;
    case kFormStrp:
    case kFormLineStrp:
    case kFormSecOffset:
    case kFormStrpSup:
    case kFormGnuRefAlt:
    case kFormGnuStrpAlt:
      return unit.offset_size;
    default:
      return std::nullopt;
  }
}

bool IsKnownForm(uint64_t form, const Unit& unit) {
  switch (form) {
    case kFormBlock1:
    case kFormBlock2:
    case kFormBlock4:
    case kFormBlock:
    case kFormString:
    case kFormSdata:
    case kFormUdata:
    case kFormRefUdata:
    case kFormIndirect:
    case kFormExprloc:
    case kFormStrx:
    case kFormAddrx:
    case kFormLoclistx:
    case kFormRnglistx:
      return true;
    default:
      return FixedSize(form, unit).has_value();
  }
}

// SlotOf() of the attributes that compilers use most, which are read by the
// million.
constexpr uint64_t kListedAttributes = 0x90;
const std::array<Slot, kListedAttributes> kSlots = [] {
  std::array<Slot, kListedAttributes> slots;
  for (uint64_t i = 0; i < slots.size(); ++i) slots[i] = SlotOf(i);
  return slots;
}();

// Whether TakeSimple() knows it: what most attributes of types have.
bool IsSimple(uint64_t form) {
  switch (form) {
    case kFormStrp:
    case kFormRef4:
    case kFormData1:
    case kFormData2:
    case kFormData4:
    case kFormSecOffset:
    case kFormImplicitConst:
    case kFormFlagPresent:
      return true;
    default:
      return false;
  }
}

// Which field of a PlainDie a slot is, or null. What a tag does not have at
// all, InterestOf() has left out.
PlainField* PlainFieldOf(uint16_t tag, uint8_t slot, Abbrev* abbrev) {
  switch (slot) {
    case kName:
      return &abbrev->name;
    case kType:
      return &abbrev->type;
    case kMemberLocation:
    case kDataBitOffset:
    case kUpperBound:
    case kCount:
      return &abbrev->first;
    case kByteSize:
      return tag == kTagMember ? nullptr : &abbrev->first;
    case kConstValue:
      return tag == kTagEnumerator ? &abbrev->first : nullptr;
    case kBitSize:
      return tag == kTagMember ? &abbrev->second : nullptr;
    case kEncoding:
      return &abbrev->second;
    default:
      return nullptr;
  }
}

bool MayBePlain(uint16_t tag, bool has_children) {
  switch (tag) {
    case kTagMember:
    case kTagEnumerator:
    case kTagFormalParameter:
    case kTagSubrangeType:
    case kTagPointerType:
    case kTagConstType:
    case kTagVolatileType:
    case kTagRestrictType:
    case kTagTypedef:
    case kTagBaseType:
      return !has_children;
    case kTagStructureType:
    case kTagUnionType:
    case kTagEnumerationType:
    case kTagArrayType:
    case kTagSubroutineType:
      return true;
    default:
      return false;
  }
}

// Makes the abbreviation plain, if it is. kAnnotation is no field, so that what
// has one is not.
void FindPlainFields(const AbbrevStep* steps, Abbrev* abbrev) {
  if (!abbrev->simple || !MayBePlain(abbrev->tag, abbrev->has_children)) return;
  uint32_t at = 0;
  uint32_t seen = 0;
  for (uint32_t i = 0; i < abbrev->step_count; ++i) {
    const AbbrevStep& step = steps[i];
    at += step.skip;
    if (step.slot == kSibling && step.form == kFormRef4) {
      at += 4;  // what is below is read
      continue;
    }
    // That it is there says all.
    if (step.slot == kDeclaration && step.form == kFormFlagPresent) continue;
    PlainField* const field = PlainFieldOf(abbrev->tag, step.slot, abbrev);
    if (field == nullptr || at > UINT16_MAX) return;
    const uint32_t bit = 1u << (field == &abbrev->name    ? 0
                                : field == &abbrev->type  ? 1
                                : field == &abbrev->first ? 2
                                                          : 3);
    if ((seen & bit) != 0) return;  // both ways of saying a member's place
    seen |= bit;
    field->at = static_cast<uint16_t>(at);
    uint32_t size = 0;
    switch (step.form) {
      case kFormStrp:
        if (step.slot != kName) return;
        size = 4;
        break;
      case kFormRef4:
        if (step.slot != kType) return;
        size = 4;
        break;
      case kFormData1:
        size = 1;
        break;
      case kFormData2:
        size = 2;
        break;
      case kFormImplicitConst:
        if (step.implicit < 0 || step.implicit > UINT32_MAX) return;
        field->value = static_cast<uint32_t>(step.implicit);
        break;
      default:  // kFormData4 may be relocated
        return;
    }
    const bool is_number = step.slot != kName && step.slot != kType;
    if (is_number != (size != 4)) return;
    field->mask = size == 0 ? 0 : ~uint32_t{0} >> (32 - 8 * size);
    at += size;
  }
  abbrev->plain = true;
}

template <typename T>
T Load(const char** at) {
  T value;
  memcpy(&value, *at, sizeof(value));
  *at += sizeof(value);
  return value;
}

}  // namespace

absl::Status AbbrevTable::Load(const Object& object, const Unit& unit) {
  const uint8_t sizes = static_cast<uint8_t>(
      unit.address_size | unit.offset_size << 4 | (unit.version <= 2) << 3);
  if (unit.abbrev_offset == loaded_offset_ && sizes == loaded_sizes_) {
    return absl::OkStatus();
  }
  dense_.clear();
  sparse_.clear();
  steps_.clear();
  refers_across_units_ = false;
  loaded_offset_ = ~uint64_t{0};
  const auto size_of = [&unit](uint64_t form) -> int8_t {
    const std::optional<uint32_t> size = FixedSize(form, unit);
    if (size.has_value()) return static_cast<int8_t>(*size);
    return IsKnownForm(form, unit) ? kVariable : kUnknown;
  };
  if (sizes != loaded_sizes_) {
    for (uint64_t form = 0; form < kListedForms; ++form) {
      form_sizes_[form] = size_of(form);
    }
    loaded_sizes_ = sizes;
  }
  Reader reader = object.ReaderOf(object.abbrev);
  reader.Seek(unit.abbrev_offset);
  for (;;) {
    const uint64_t start = reader.offset();
    const uint64_t code = reader.Uleb();
    if (code == 0) break;
    if (bytes_read_ + (start - unit.abbrev_offset) >
        kFreeTableBytes + kTableBytesPerByte * (object.abbrev.content.size() +
                                                object.info.content.size())) {
      return absl::ResourceExhaustedError(absl::StrFormat(
          ".debug_abbrev at offset %#x: units share long tables, more than any "
          "sensible file does",
          start));
    }
    if (dense_.size() + sparse_.size() >= kMostAbbrevs) {
      return Bad(".debug_abbrev", start, "the table has too many entries");
    }
    Abbrev abbrev;
    abbrev.tag = static_cast<uint16_t>(reader.Uleb());
    abbrev.has_children = reader.U8() != 0;
    abbrev.first_step = steps_.size();
    const uint32_t interest = InterestOf(abbrev.tag);
    uint32_t skip = 0;
    abbrev.simple = unit.offset_size == 4;
    uint64_t least = 0;
    for (;;) {
      const uint64_t place = reader.offset();
      const uint64_t attribute = reader.Uleb();
      const uint64_t form = reader.Uleb();
      const int64_t implicit = form == kFormImplicitConst ? reader.Sleb() : 0;
      if (reader.failed()) break;
      if (attribute == 0 && form == 0) break;
      const int8_t size =
          form < kListedForms ? form_sizes_[form] : size_of(form);
      if (size == kUnknown) {
        return absl::UnimplementedError(absl::StrFormat(
            ".debug_abbrev at offset %#x: form %#x is not known", place, form));
      }
      if (form == kFormRefAddr) {
        abbrev.refers_across_units = refers_across_units_ = true;
      }
      Slot slot =
          attribute < kSlots.size() ? kSlots[attribute] : SlotOf(attribute);
      // Of an attribute that is there twice, the first one counts.
      if (slot != kNoSlot && (interest & ~abbrev.present & Bit(slot)) == 0) {
        slot = kNoSlot;
      }
      if (slot != kNoSlot) abbrev.present |= Bit(slot);
      least += size == kVariable ? 1 : size;
      if (slot == kNoSlot && size != kVariable) {
        skip += size;
        if (skip > kMostSkipped) {
          return Bad(".debug_abbrev", place,
                     "an entry has too many attributes");
        }
        continue;
      }
      abbrev.simple &= IsSimple(form);
      if (steps_.size() >= kMostSteps) {
        return Bad(".debug_abbrev", place, "the table has too many attributes");
      }
      steps_.push_back({slot, size == kVariable, static_cast<uint16_t>(form),
                        skip, implicit});
      skip = 0;
    }
    if (reader.failed()) {
      return Bad(".debug_abbrev", start, "the entry is cut off");
    }
    abbrev.step_count = steps_.size() - abbrev.first_step;
    abbrev.tail_skip = skip;
    abbrev.least_size =
        static_cast<uint32_t>(std::min<uint64_t>(least, UINT32_MAX));
    FindPlainFields(steps_.data() + abbrev.first_step, &abbrev);
    if (code == dense_.size() + 1) {
      dense_.push_back(abbrev);
    } else if (code - 1 >= dense_.size()) {
      sparse_.emplace(code, abbrev);
    }
    // Else it repeats a code: the first one counts.
  }
  if (reader.failed()) {
    return Bad(".debug_abbrev", unit.abbrev_offset, "the table does not end");
  }
  bytes_read_ += reader.offset() - unit.abbrev_offset;
  loaded_offset_ = unit.abbrev_offset;
  return absl::OkStatus();
}

void DieCursor::Fail(uint64_t offset, const std::string& what) {
  if (status_.ok()) status_ = Bad(".debug_info", offset, what);
  reader_.Fail();
}

void DieCursor::TakeStringIndex(uint64_t index, Value* value) {
  const DebugSection& offsets = object_.str_offsets;
  const uint64_t width = unit_.offset_size;
  value->type = ValueClass::kString;
  if (index > offsets.content.size() / width) {
    Fail(reader_.offset(),
         absl::StrCat("string index ", index, " is beyond .debug_str_offsets"));
    return;
  }
  const uint64_t place = unit_.str_offsets_base + index * width;
  Reader reader = object_.ReaderOf(offsets);
  reader.Seek(place);
  value->number = reader.Unsigned(width);
  if (reader.failed()) {
    Fail(reader_.offset(),
         absl::StrCat("string index ", index, " is beyond .debug_str_offsets"));
    return;
  }
  if (!offsets.relocations.empty()) {
    value->number = offsets.relocations.Find(place).value_or(value->number);
  }
}

void DieCursor::TakeAddressIndex(uint64_t index, Value* value) {
  value->type = ValueClass::kAddress;
  const absl::StatusOr<uint64_t> address = AddressAt(object_, unit_, index);
  if (!address.ok()) {
    Fail(reader_.offset(), std::string(address.status().message()));
    return;
  }
  value->number = *address;
}

void DieCursor::Take(const AbbrevStep& step, uint16_t form, Value* value) {
  const uint64_t place = reader_.offset();
  const auto constant = [&](uint64_t number) {
    value->type = ValueClass::kConstant;
    value->number = number;
  };
  const auto reference = [&](uint64_t number) {
    value->type = ValueClass::kReference;
    value->number = number;
  };
  const auto block = [&](uint64_t length) {
    value->type = ValueClass::kBlock;
    value->number = reader_.offset();
    if (length > reader_.left()) {
      reader_.Fail();
      return;
    }
    value->length = static_cast<uint32_t>(length);
    reader_.Skip(length);
  };
  switch (form) {
    case kFormStrp:
      value->type = ValueClass::kString;
      value->number =
          relocation_.Apply(place, reader_.Unsigned(unit_.offset_size));
      break;
    case kFormRef4:
      reference(unit_.offset + reader_.U32());
      break;
    case kFormData1:
      constant(reader_.U8());
      break;
    case kFormData2:
      constant(reader_.U16());
      break;
    case kFormData4:
      constant(relocation_.Apply(place, reader_.U32()));
      break;
    case kFormData8:
      constant(relocation_.Apply(place, reader_.U64()));
      break;
    case kFormImplicitConst:
      constant(static_cast<uint64_t>(step.implicit));
      break;
    case kFormFlagPresent:
      constant(1);
      break;
    case kFormFlag:
      constant(reader_.U8());
      break;
    case kFormSdata:
      constant(static_cast<uint64_t>(reader_.Sleb()));
      break;
    case kFormUdata:
      constant(reader_.Uleb());
      break;
    case kFormString:
      value->type = ValueClass::kInline;
      value->number = place;
      value->length = static_cast<uint32_t>(reader_.String().size());
      break;
    case kFormLineStrp:
      value->type = ValueClass::kLineString;
      value->number =
          relocation_.Apply(place, reader_.Unsigned(unit_.offset_size));
      break;
    case kFormExprloc:
    case kFormBlock:
      block(reader_.Uleb());
      break;
    case kFormBlock1:
      block(reader_.U8());
      break;
    case kFormBlock2:
      block(reader_.U16());
      break;
    case kFormBlock4:
      block(reader_.U32());
      break;
    case kFormSecOffset:
      value->type = ValueClass::kSecOffset;
      value->number =
          relocation_.Apply(place, reader_.Unsigned(unit_.offset_size));
      break;
    case kFormAddr:
      value->type = ValueClass::kAddress;
      value->number =
          relocation_.Apply(place, reader_.Unsigned(unit_.address_size));
      break;
    case kFormRef1:
      reference(unit_.offset + reader_.U8());
      break;
    case kFormRef2:
      reference(unit_.offset + reader_.U16());
      break;
    case kFormRef8:
      reference(unit_.offset + reader_.U64());
      break;
    case kFormRefUdata:
      reference(unit_.offset + reader_.Uleb());
      break;
    case kFormRefAddr:
      reference(relocation_.Apply(
          place, reader_.Unsigned(unit_.version <= 2 ? unit_.address_size
                                                     : unit_.offset_size)));
      break;
    case kFormStrx:
      TakeStringIndex(reader_.Uleb(), value);
      break;
    case kFormStrx1:
      TakeStringIndex(reader_.U8(), value);
      break;
    case kFormStrx2:
      TakeStringIndex(reader_.U16(), value);
      break;
    case kFormStrx3:
      TakeStringIndex(reader_.U24(), value);
      break;
    case kFormStrx4:
      TakeStringIndex(reader_.U32(), value);
      break;
    case kFormAddrx:
      TakeAddressIndex(reader_.Uleb(), value);
      break;
    case kFormAddrx1:
      TakeAddressIndex(reader_.U8(), value);
      break;
    case kFormAddrx2:
      TakeAddressIndex(reader_.U16(), value);
      break;
    case kFormAddrx3:
      TakeAddressIndex(reader_.U24(), value);
      break;
    case kFormAddrx4:
      TakeAddressIndex(reader_.U32(), value);
      break;
    case kFormLoclistx:
      value->type = ValueClass::kListIndex;
      value->number = reader_.Uleb();
      break;
    case kFormRnglistx:
      reader_.Uleb();
      value->type = ValueClass::kOther;
      value->number = form;
      break;
    case kFormIndirect: {
      const uint64_t real = reader_.Uleb();
      if (real == kFormIndirect || real == kFormImplicitConst ||
          real > UINT16_MAX || !IsKnownForm(real, unit_)) {
        Fail(place, absl::StrFormat("an indirect form %#x is not known", real));
        return;
      }
      return Take(step, static_cast<uint16_t>(real), value);
    }
    default: {  // in another file, or a type unit
      const std::optional<uint32_t> size = FixedSize(form, unit_);
      reader_.Skip(size.value_or(0));
      value->type = ValueClass::kOther;
      value->number = form;
      break;
    }
  }
}

inline void DieCursor::TakeQuickly(const AbbrevStep& step, Value* value) {
  reader_.SkipKnown(step.skip);
  const auto set = [value](ValueClass type, uint64_t number) {
    value->number = number;
    value->type = type;
  };
  switch (step.form) {
    case kFormStrp: {
      if (unit_.offset_size != 4) break;
      const uint64_t place = reader_.offset();
      return set(ValueClass::kString,
                 relocation_.Apply(place, reader_.KnownU32()));
    }
    case kFormRef4:
      return set(ValueClass::kReference, unit_.offset + reader_.KnownU32());
    case kFormData1:
      return set(ValueClass::kConstant, reader_.KnownU8());
    case kFormData2:
      return set(ValueClass::kConstant, reader_.KnownU16());
    case kFormImplicitConst:
      return set(ValueClass::kConstant, static_cast<uint64_t>(step.implicit));
    case kFormFlagPresent:
      return set(ValueClass::kConstant, 1);
    default:
      break;
  }
  Take(step, step.form, value);
}

inline void DieCursor::TakeSimple(const Abbrev& abbrev, Value* values) {
  const char* at = reader_.here();
  const char* const section = object_.info.content.data();
  const AbbrevStep* step = abbrevs_.steps(abbrev);
  const AbbrevStep* const end = step + abbrev.step_count;
  for (; step != end; ++step) {
    at += step->skip;
    Value& value = values[step->slot];
    value.type = ValueClass::kConstant;
    switch (step->form) {
      case kFormStrp: {
        const uint64_t place = at - section;
        value.type = ValueClass::kString;
        value.number = relocation_.Apply(place, dwarf::Load<uint32_t>(&at));
        break;
      }
      case kFormRef4:
        value.type = ValueClass::kReference;
        value.number = unit_.offset + dwarf::Load<uint32_t>(&at);
        break;
      case kFormData1:
        value.number = dwarf::Load<uint8_t>(&at);
        break;
      case kFormData2:
        value.number = dwarf::Load<uint16_t>(&at);
        break;
      case kFormData4: {
        const uint64_t place = at - section;
        value.number = relocation_.Apply(place, dwarf::Load<uint32_t>(&at));
        break;
      }
      case kFormSecOffset: {
        const uint64_t place = at - section;
        value.type = ValueClass::kSecOffset;
        value.number = relocation_.Apply(place, dwarf::Load<uint32_t>(&at));
        break;
      }
      case kFormImplicitConst:
        value.number = static_cast<uint64_t>(step->implicit);
        break;
      default:  // kFormFlagPresent
        value.number = 1;
        break;
    }
  }
  reader_.SkipKnown(abbrev.least_size);
}

bool DieCursor::NextPlain(PlainDie* die) {
  // Of the code, and behind the DIE: each field is read as four bytes.
  constexpr uint64_t kAround = 2 + sizeof(uint32_t);
  const uint64_t left = reader_.left();
  if (left < kAround) return false;
  const char* at = reader_.here();
  uint64_t code = static_cast<uint8_t>(*at++);
  if (code >= 0x80) {
    const uint64_t high = static_cast<uint8_t>(*at++);
    if (high >= 0x80) return false;
    code = (code & 0x7f) | high << 7;
  }
  if (code - 1 >= plain_codes_) return false;
  const Abbrev* const abbrev = dense_ + code - 1;
  if (!abbrev->plain || left < kAround + abbrev->least_size) return false;
  const auto number = [at](const PlainField& field) {
    uint32_t bytes;
    memcpy(&bytes, at + field.at, sizeof(bytes));
    return (bytes & field.mask) | field.value;
  };
  die->offset = reader_.offset();
  die->abbrev = abbrev;
  die->type = number(abbrev->type);
  die->first = number(abbrev->first);
  die->second = number(abbrev->second);
  reader_.SkipKnown(at + abbrev->least_size - reader_.here());
  if (abbrev->name.mask == 0) return true;
  die->name = number(abbrev->name);
  if (relocation_.none()) return true;
  const uint64_t place = at + abbrev->name.at - object_.info.content.data();
  return relocation_.ApplyNext(place, &die->name) || RelocateName(place, die);
}

bool DieCursor::RelocateName(uint64_t place, PlainDie* die) {
  die->name = relocation_.ApplyOther(place, die->name);
  return true;
}

bool DieCursor::Next(Die* die) {
  die->offset = reader_.offset();
  die->present = 0;
  if (reader_.left() == 0) return false;
  const uint64_t code = reader_.Uleb();
  if (code == 0) {
    if (reader_.failed()) Fail(die->offset, "a DIE is cut off");
    return false;
  }
  die->abbrev = abbrevs_.Find(code);
  if (die->abbrev == nullptr || die->abbrev->tag == 0) {
    Fail(die->offset,
         absl::StrCat("abbreviation ", code, " is not in its unit's table"));
    return false;
  }
  die->present = die->abbrev->present;
  if (die->abbrev->simple && host_order_ &&
      reader_.left() >= die->abbrev->least_size) {
    TakeSimple(*die->abbrev, die->values);
    return true;
  }
  const AbbrevStep* step = abbrevs_.steps(*die->abbrev);
  const AbbrevStep* const end = step + die->abbrev->step_count;
  Value unused;
  // Where all of the DIE is known to be there, reads are not checked one by
  // one. A form without a fixed size may take more than its byte, so it is
  // looked at again behind one.
  const uint32_t least = die->abbrev->least_size;
  bool known = reader_.left() >= least;
  for (; step != end; ++step) {
    Value* const value =
        step->slot != kNoSlot ? &die->values[step->slot] : &unused;
    if (known) {
      TakeQuickly(*step, value);
    } else {
      reader_.Skip(step->skip);
      Take(*step, step->form, value);
    }
    if (step->variable) known = reader_.left() >= least;
  }
  reader_.Skip(die->abbrev->tail_skip);
  if (reader_.failed()) {
    Fail(die->offset, "the DIE runs past its unit's end");
    return false;
  }
  return true;
}

void DieCursor::Jump(uint64_t offset) {
  if (offset < reader_.offset() || offset > unit_.end) {
    Fail(reader_.offset(),
         absl::StrFormat("a sibling at %#x is not further on in its unit",
                         offset));
    return;
  }
  reader_.Seek(offset);
}

void DieCursor::SkipChildren(const Die& die) {
  if (!die.has_children()) return;
  if (die.has(kSibling) &&
      die.values[kSibling].type == ValueClass::kReference) {
    Jump(die.values[kSibling].number);
    return;
  }
  SkipToEnd();
}

void DieCursor::SkipToEnd() {
  Die below;
  for (uint64_t depth = 1; depth != 0;) {
    if (!Next(&below)) {
      if (!ok() || at_end()) return;
      --depth;
    } else if (below.has_children()) {
      if (below.has(kSibling) &&
          below.values[kSibling].type == ValueClass::kReference) {
        Jump(below.values[kSibling].number);
      } else {
        ++depth;
      }
    }
  }
}

absl::StatusOr<Unit> ReadUnitHeader(const Object& object,
                                    const DebugSection& section,
                                    uint64_t offset, uint64_t* next) {
  const absl::string_view name =
      &section == &object.types ? ".debug_types" : ".debug_info";
  Reader reader = object.ReaderOf(section);
  reader.Seek(offset);
  Unit unit;
  unit.offset = offset;
  uint64_t length = reader.U32();
  if (length == 0xffffffff) {
    unit.offset_size = 8;
    length = reader.U64();
  } else if (length >= 0xfffffff0) {
    return Bad(name, offset, "the length of the unit is a reserved one");
  }
  if (reader.failed() || length > reader.left()) {
    return Bad(name, offset, "the unit runs past the section's end");
  }
  unit.end = reader.offset() + length;
  *next = unit.end;
  unit.version = reader.U16();
  if (unit.version < 2 || unit.version > 5) {
    return absl::UnimplementedError(
        absl::StrFormat("%s at offset %#x: DWARF version %d is not known", name,
                        offset, unit.version));
  }
  const uint64_t abbrev_place = [&] {
    if (unit.version >= 5) {
      unit.type = reader.U8();
      unit.address_size = reader.U8();
      return reader.offset();
    }
    return reader.offset();
  }();
  unit.abbrev_offset = reader.Unsigned(unit.offset_size);
  if (!section.relocations.empty()) {
    unit.abbrev_offset =
        section.relocations.Find(abbrev_place).value_or(unit.abbrev_offset);
  }
  if (unit.version < 5) unit.address_size = reader.U8();
  if (&section == &object.types || unit.type == kUtType ||
      unit.type == kUtSplitType) {
    unit.type = unit.type == kUtSplitType ? kUtSplitType : kUtType;
    reader.U64();
    reader.Unsigned(unit.offset_size);
  } else if (unit.type == kUtSkeleton || unit.type == kUtSplitCompile) {
    reader.U64();
  }
  unit.first_die = reader.offset();
  if (reader.failed() || unit.first_die > unit.end) {
    return Bad(name, offset, "the header of the unit is cut off");
  }
  if (unit.address_size != 4 && unit.address_size != 8) {
    return Bad(name, offset,
               absl::StrCat("addresses of ", int{unit.address_size},
                            " bytes are not known"));
  }
  // Where the attributes are absent: behind the header of the only table.
  const uint64_t header = unit.offset_size == 8 ? 16 : 8;
  unit.str_offsets_base = unit.version >= 5 ? header : 0;
  unit.addr_base = unit.version >= 5 ? header : 0;
  unit.loclists_base = unit.version >= 5 ? header + 4 : 0;
  return unit;
}

void ReadUnitDie(const Object& object, const Die& die, Unit* unit) {
  if (die.has(kLanguage)) unit->language = die.Number(kLanguage);
  const auto base = [&](Slot slot, uint64_t* to) {
    if (die.has(slot)) *to = die.values[slot].number;
  };
  base(kStrOffsetsBase, &unit->str_offsets_base);
  base(kAddrBase, &unit->addr_base);
  base(kLoclistsBase, &unit->loclists_base);
  if (die.has(kProducer)) {
    const auto text = TextOf(object, die.values[kProducer]);
    unit->is_clang = text.ok() && absl::StrContains(*text, "clang");
  }
}

absl::StatusOr<absl::string_view> TextOf(const Object& object,
                                         const Value& value) {
  const DebugSection* section;
  absl::string_view name;
  switch (value.type) {
    case ValueClass::kString:
      section = &object.str;
      name = ".debug_str";
      break;
    case ValueClass::kLineString:
      section = &object.line_str;
      name = ".debug_line_str";
      break;
    case ValueClass::kInline:
      return object.info.content.substr(value.number, value.length);
    default:
      return absl::string_view();
  }
  Reader reader = object.ReaderOf(*section);
  reader.Seek(value.number);
  const absl::string_view text = reader.String();
  if (reader.failed()) {
    return Bad(name, value.number, "there is no text that ends");
  }
  return text;
}

absl::StatusOr<uint64_t> AddressAt(const Object& object, const Unit& unit,
                                   uint64_t index) {
  const DebugSection& section = object.addr;
  Reader reader = object.ReaderOf(section);
  const bool fits = index <= section.content.size() / unit.address_size;
  const uint64_t place =
      unit.addr_base + (fits ? index : 0) * unit.address_size;
  reader.Seek(place);
  const uint64_t address = reader.Unsigned(unit.address_size);
  if (!fits || reader.failed()) {
    return Bad(".debug_addr", place,
               absl::StrCat("there is no address of index ", index));
  }
  if (section.relocations.empty()) return address;
  return section.relocations.Find(place).value_or(address);
}

}  // namespace btfd::dwarf
