// SPDX-License-Identifier: Apache-2.0
#include "lib/core/value.h"

#include <optional>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "lib/btf/kinds.h"
#include "lib/util/status_macros.h"

namespace btfd::core {

using btf::Kind;
using btf::TypeId;
using btf::TypeRecord;

namespace {

constexpr uint32_t kWidestLoad = 8;  // bytes

absl::Status Defect(absl::string_view what) {
  return absl::InvalidArgumentError(what);
}

absl::StatusOr<uint32_t> SizeOf(const TypeSpace& space, TypeId id) {
  const std::optional<uint32_t> size = space.Size(id);
  if (!size.has_value()) {
    return Defect(absl::StrCat("type ", id, " has no size"));
  }
  return *size;
}

// The memory that holds a field, or from which a bit-field is cut out.
struct Load {
  uint32_t byte_offset;
  uint32_t byte_size;
  uint32_t bit_size;
};

// The narrowest aligned load, from that of the bit-field's type on, that holds
// all bits.
absl::StatusOr<Load> LoadOfBits(uint32_t type_size, uint32_t bit_offset,
                                uint32_t bit_size) {
  Load load{0, type_size, bit_size};
  if (type_size == 0) return Defect("a bit-field of a type without a size");
  for (;; load.byte_size *= 2) {
    load.byte_offset = bit_offset / 8 / load.byte_size * load.byte_size;
    if (bit_offset + bit_size - load.byte_offset * 8 <= load.byte_size * 8) {
      return load;
    }
    if (load.byte_size >= kWidestLoad) {
      return Defect("no load of 8 bytes holds the bit-field");
    }
  }
}

bool IsSigned(const TypeRecord& type) {
  if (btf::IsAnyEnum(type.kind())) return type.kflag();
  return type.kind() == Kind::kInt && ((type.tail()[0] >> 24) & 1) != 0;
}

absl::StatusOr<uint64_t> FieldValue(const TypeSpace& space, RelocationKind kind,
                                    const Access& access) {
  const AccessStep& field = access.steps.back();
  const btf::Member& member = space.type(field.type).members()[field.index];
  const TypeId type = space.Strip(member.type);
  const uint32_t bits =
      space.type(field.type).kflag() ? member.offset >> 24 : 0;
  Load load;
  if (bits != 0) {
    ASSIGN_OR_RETURN(load, LoadOfBits(space.type(type).size_or_type,
                                      access.bit_offset, bits));
  } else {
    ASSIGN_OR_RETURN(load.byte_size, SizeOf(space, type));
    load.byte_offset = access.bit_offset / 8;
    load.bit_size = load.byte_size * 8;
  }
  switch (kind) {
    case RelocationKind::kFieldByteOffset:
      return load.byte_offset;
    case RelocationKind::kFieldByteSize:
      return load.byte_size;
    case RelocationKind::kFieldSigned:
      return IsSigned(space.type(type)) ? 1 : 0;
    case RelocationKind::kFieldRightShift:
      return uint64_t{64} - load.bit_size;
    default: {  // the left shift
      const uint32_t before = access.bit_offset - load.byte_offset * 8;
      return space.big_endian() ? uint64_t{8 - load.byte_size} * 8 + before
                                : uint64_t{64} - (before + load.bit_size);
    }
  }
}

absl::StatusOr<uint64_t> ElementValue(const TypeSpace& space,
                                      RelocationKind kind,
                                      const Access& access) {
  if (kind == RelocationKind::kFieldByteOffset) return access.bit_offset / 8;
  if (kind == RelocationKind::kFieldByteSize) {
    return SizeOf(space, access.steps.back().type);
  }
  return Defect("an element of an array has an offset and a size alone");
}

uint64_t EnumeratorValue(const TypeRecord& type, uint32_t i) {
  if (type.kind() == Kind::kEnum) {
    // As libbpf reads it: signed, then widened.
    return static_cast<uint64_t>(
        static_cast<int32_t>(type.enumerators()[i].value));
  }
  const btf::Enumerator64& value = type.enumerators64()[i];
  return uint64_t{value.hi32} << 32 | value.lo32;
}

}  // namespace

absl::StatusOr<Value> ValueOf(const TypeSpace& space, RelocationKind kind,
                              const Access& access) {
  Value value;
  switch (kind) {
    case RelocationKind::kFieldExists:
    case RelocationKind::kEnumValueExists:
    case RelocationKind::kTypeExists:
    case RelocationKind::kTypeMatches:
      value.number = 1;
      break;
    case RelocationKind::kTypeIdTarget:
      value.number = access.root;
      break;
    case RelocationKind::kTypeSize: {
      ASSIGN_OR_RETURN(value.number, SizeOf(space, access.root));
      break;
    }
    case RelocationKind::kEnumValue:
      value.number = EnumeratorValue(space.type(access.steps[0].type),
                                     access.steps[0].index);
      break;
    default: {
      const bool is_member = access.steps.back().name != nullptr;
      ASSIGN_OR_RETURN(value.number, is_member
                                         ? FieldValue(space, kind, access)
                                         : ElementValue(space, kind, access));
    }
  }
  return value;
}

Value ValueOfNothing(RelocationKind kind) {
  const bool may_lack = IsAboutType(kind) ||
                        kind == RelocationKind::kFieldExists ||
                        kind == RelocationKind::kEnumValueExists;
  return {0, !may_lack};
}

}  // namespace btfd::core
