// SPDX-License-Identifier: Apache-2.0
#include "lib/dwarf/location.h"

namespace btfd::dwarf {

namespace {

// Of DWARF 5's location lists.
enum ListEntry : uint8_t {
  kEndOfList = 0,
  kBaseAddressx = 1,
  kStartxEndx = 2,
  kStartxLength = 3,
  kOffsetPair = 4,
  kDefaultLocation = 5,
  kBaseAddress = 6,
  kStartEnd = 7,
  kStartLength = 8,
};

// What one expression may hold; compilers stay below a hundred.
constexpr size_t kMostOperations = 4096;

bool ParseOperation(Reader* reader, const Unit& unit, Op* op) {
  op->code = reader->U8();
  op->place = reader->offset();
  const uint8_t code = op->code;
  if ((code >= kOpLit0 && code <= kOpReg31)) return true;
  if (code >= kOpBreg0 && code <= kOpBreg31) {
    op->number = reader->Sleb();
    return true;
  }
  switch (code) {
    case kOpAddr:
      op->number = reader->Unsigned(unit.address_size);
      return true;
    case kOpConst1u:
    case kOpPick:
    case kOpDerefSize:
    case kOpXderefSize:
      op->number = reader->U8();
      return true;
    case kOpConst1s:
      op->number = static_cast<uint64_t>(static_cast<int8_t>(reader->U8()));
      return true;
    case kOpConst2u:
    case kOpCall2:
      op->number = reader->U16();
      return true;
    case kOpConst2s:
    case kOpBra:
    case kOpSkip:
      op->number = static_cast<uint64_t>(static_cast<int16_t>(reader->U16()));
      return true;
    case kOpConst4u:
    case kOpCall4:
    case kOpGnuParameterRef:
      op->number = reader->U32();
      return true;
    case kOpConst4s:
      op->number = static_cast<uint64_t>(static_cast<int32_t>(reader->U32()));
      return true;
    case kOpConst8u:
    case kOpConst8s:
      op->number = reader->U64();
      return true;
    case kOpConstu:
    case kOpPlusUconst:
    case kOpRegx:
    case kOpPiece:
    case kOpAddrx:
    case kOpConstx:
    case kOpConvert:
    case kOpReinterpret:
    case kOpGnuConvert:
    case kOpGnuReinterpret:
    case kOpGnuAddrIndex:
    case kOpGnuConstIndex:
      op->number = reader->Uleb();
      return true;
    case kOpConsts:
    case kOpFbreg:
      op->number = reader->Sleb();
      return true;
    case kOpBregx:
      op->number = reader->Uleb();
      op->number2 = reader->Sleb();
      return true;
    case kOpBitPiece:
    case kOpRegvalType:
    case kOpGnuRegvalType:
      op->number = reader->Uleb();
      op->number2 = reader->Uleb();
      return true;
    case kOpDerefType:
    case kOpXderefType:
    case kOpGnuDerefType:
      op->number = reader->U8();
      op->number2 = reader->Uleb();
      return true;
    case kOpConstType:
    case kOpGnuConstType:
      op->number = reader->Uleb();
      op->block = reader->Bytes(reader->U8());
      return true;
    case kOpImplicitValue:
    case kOpEntryValue:
    case kOpGnuEntryValue:
      op->number = reader->Uleb();
      op->block = reader->Bytes(op->number);
      return true;
    case kOpImplicitPointer:
    case kOpGnuImplicitPointer:
      op->number = reader->Unsigned(unit.version <= 2 ? unit.address_size
                                                      : unit.offset_size);
      op->number2 = reader->Sleb();
      return true;
    case kOpCallRef:
    case kOpGnuVariableValue:
      op->number = reader->Unsigned(unit.version <= 2 ? unit.address_size
                                                      : unit.offset_size);
      return true;
    case kOpStackValue:
    case kOpGnuPushTlsAddress:
    case kOpGnuUninit:
      return true;
    default:
      // The stack operations (deref to ne, nop, push_object_address,
      // form_tls_address, call_frame_cfa) have no operand.
      return code == 0x06 || (code >= 0x12 && code <= 0x2e) || code == 0x96 ||
             code == 0x97 || code == 0x9b || code == 0x9c;
  }
}

}  // namespace

bool ParseExpression(absl::string_view bytes, const Unit& unit, bool big_endian,
                     Expression* expression) {
  expression->clear();
  Reader reader(bytes, big_endian);
  while (reader.left() != 0) {
    if (expression->size() == kMostOperations) return false;
    if (!ParseOperation(&reader, unit, &expression->emplace_back()) ||
        reader.failed()) {
      return false;
    }
  }
  return true;
}

namespace {

void ForEachOfLoclists(const Object& object, const Unit& unit, uint64_t offset,
                       absl::FunctionRef<bool(const Expression&)> visit) {
  Reader reader = object.ReaderOf(object.loclists);
  reader.Seek(offset);
  Expression expression;
  while (!reader.failed()) {
    switch (reader.U8()) {
      case kBaseAddressx:
        reader.Uleb();
        continue;
      case kBaseAddress:
        reader.Skip(unit.address_size);
        continue;
      case kStartxEndx:
      case kStartxLength:
      case kOffsetPair:
        reader.Uleb();
        reader.Uleb();
        break;
      case kDefaultLocation:
        break;
      case kStartEnd:
        reader.Skip(uint64_t{2} * unit.address_size);
        break;
      case kStartLength:
        reader.Skip(unit.address_size);
        reader.Uleb();
        break;
      default:
        return;
    }
    const absl::string_view bytes = reader.Bytes(reader.Uleb());
    if (reader.failed() ||
        !ParseExpression(bytes, unit, object.big_endian(), &expression) ||
        !visit(expression)) {
      return;
    }
  }
}

void ForEachOfLoc(const Object& object, const Unit& unit, uint64_t offset,
                  absl::FunctionRef<bool(const Expression&)> visit) {
  Reader reader = object.ReaderOf(object.loc);
  reader.Seek(offset);
  const uint64_t most =
      unit.address_size == 8 ? ~uint64_t{0} : uint64_t{0xffffffff};
  const Relocations& relocations = object.loc.relocations;
  const auto address = [&] {
    const uint64_t place = reader.offset();
    const uint64_t raw = reader.Unsigned(unit.address_size);
    return relocations.empty() ? raw : relocations.Find(place).value_or(raw);
  };
  Expression expression;
  while (!reader.failed()) {
    const uint64_t begin = address();
    const uint64_t end = address();
    if (reader.failed() || (begin == 0 && end == 0)) return;
    if (begin == most) continue;
    const absl::string_view bytes = reader.Bytes(reader.U16());
    if (reader.failed() ||
        !ParseExpression(bytes, unit, object.big_endian(), &expression) ||
        !visit(expression)) {
      return;
    }
  }
}

}  // namespace

void ForEachExpression(const Object& object, const Unit& unit,
                       const Value& location,
                       absl::FunctionRef<bool(const Expression&)> visit) {
  switch (location.type) {
    case ValueClass::kBlock: {
      Expression expression;
      if (ParseExpression(
              object.info.content.substr(location.number, location.length),
              unit, object.big_endian(), &expression)) {
        visit(expression);
      }
      return;
    }
    case ValueClass::kListIndex: {
      Reader reader = object.ReaderOf(object.loclists);
      if (location.number > reader.size() / unit.offset_size) return;
      const uint64_t place =
          unit.loclists_base + location.number * unit.offset_size;
      reader.Seek(place);
      const uint64_t offset = reader.Unsigned(unit.offset_size);
      if (reader.failed() || offset > reader.size()) return;
      ForEachOfLoclists(object, unit, unit.loclists_base + offset, visit);
      return;
    }
    // DWARF 2 and 3 say the offset of a list as a plain number.
    case ValueClass::kConstant:
    case ValueClass::kSecOffset:
      if (unit.version >= 5) {
        ForEachOfLoclists(object, unit, location.number, visit);
      } else {
        ForEachOfLoc(object, unit, location.number, visit);
      }
      return;
    default:
      return;
  }
}

}  // namespace btfd::dwarf
