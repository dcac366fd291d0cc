// SPDX-License-Identifier: Apache-2.0
//
// The format of BTF: kinds, the header, type records and their trailing data.
// Source: Linux Documentation/bpf/btf.rst and include/uapi/linux/btf.h of 7.2
// (24-bit vlen, 7-bit kind, optional layout section). Everything here is in
// host byte order; Btf::Parse converts.
#ifndef BTFD_LIB_BTF_FORMAT_H_
#define BTFD_LIB_BTF_FORMAT_H_

#include <cstdint>

#include "absl/types/span.h"

namespace btfd::btf {

// A type's number. 0 is void; a split BTF's own types start where its base
// ends.
using TypeId = uint32_t;

inline constexpr uint16_t kMagic = 0xeb9f;
inline constexpr uint8_t kVersion = 1;
inline constexpr uint32_t kClassicHeaderSize = 24;  // up to str_len
inline constexpr uint32_t kExtendedHeaderSize =
    32;  // with layout_off, layout_len

// Offsets count from the end of the header, lengths are bytes.
struct Header {
  uint16_t magic;
  uint8_t version;
  uint8_t flags;
  uint32_t hdr_len;
  uint32_t type_off;
  uint32_t type_len;
  uint32_t str_off;
  uint32_t str_len;
  uint32_t layout_off;  // 0 unless hdr_len covers it
  uint32_t layout_len;
};
static_assert(sizeof(Header) == kExtendedHeaderSize);

enum class Kind : uint8_t {
  kUnknown = 0,  // void as id 0; as a record only where a layout describes it
  kInt = 1,
  kPtr = 2,
  kArray = 3,
  kStruct = 4,
  kUnion = 5,
  kEnum = 6,
  kFwd = 7,
  kTypedef = 8,
  kVolatile = 9,
  kConst = 10,
  kRestrict = 11,
  kFunc = 12,
  kFuncProto = 13,
  kVar = 14,
  kDatasec = 15,
  kFloat = 16,
  kDeclTag = 17,
  kTypeTag = 18,
  kEnum64 = 19,
};
inline constexpr uint32_t kMaxKnownKind = 19;
inline constexpr uint32_t kMaxVlen = 0xffffff;

constexpr uint32_t MakeInfo(Kind kind, uint32_t vlen, bool kflag) {
  return vlen | (static_cast<uint32_t>(kind) << 24) | (kflag ? 1u << 31 : 0);
}

struct Member {  // of STRUCT, UNION
  uint32_t name_off;
  TypeId type;
  uint32_t offset;  // bits; with the struct's kflag: bitfield size << 24 | bits
};
struct Enumerator {  // of ENUM
  uint32_t name_off;
  uint32_t value;
};
struct Enumerator64 {  // of ENUM64
  uint32_t name_off;
  uint32_t lo32;
  uint32_t hi32;
};
struct Param {  // of FUNC_PROTO
  uint32_t name_off;
  TypeId type;
};
struct SectionVar {  // of DATASEC
  TypeId type;
  uint32_t offset;
  uint32_t size;
};
struct ArrayInfo {  // of ARRAY
  TypeId element;
  TypeId index;
  uint32_t count;
};

// The fixed part of a type record. The trailing data follows it in memory, so a
// TypeRecord is used only by reference into a Btf or a Base.
struct TypeRecord {
  uint32_t name_off;
  uint32_t info;
  uint32_t
      size_or_type;  // size: INT, STRUCT, UNION, ENUM, ENUM64, FLOAT, DATASEC

  // May hold a value above kMaxKnownKind (see kind_number()).
  Kind kind() const { return static_cast<Kind>(kind_number()); }
  uint32_t kind_number() const { return (info >> 24) & 0x7f; }
  uint32_t vlen() const { return info & kMaxVlen; }
  bool kflag() const { return info >> 31; }

  const uint32_t* tail() const {
    return reinterpret_cast<const uint32_t*>(this + 1);
  }
  uint32_t* tail() { return reinterpret_cast<uint32_t*>(this + 1); }

  absl::Span<const Member> members() const { return Tail<Member>(); }
  absl::Span<const Enumerator> enumerators() const {
    return Tail<Enumerator>();
  }
  absl::Span<const Enumerator64> enumerators64() const {
    return Tail<Enumerator64>();
  }
  absl::Span<const Param> params() const { return Tail<Param>(); }
  absl::Span<const SectionVar> section_vars() const {
    return Tail<SectionVar>();
  }
  const ArrayInfo& array() const {
    return *reinterpret_cast<const ArrayInfo*>(tail());
  }

 private:
  template <typename T>
  absl::Span<const T> Tail() const {
    return {reinterpret_cast<const T*>(tail()), vlen()};
  }
};
static_assert(sizeof(TypeRecord) == 12);

// Words (of 4 bytes) behind the fixed part of a record of a known kind.
// Precondition: kind_number <= kMaxKnownKind and not kUnknown.
constexpr uint64_t TailWords(Kind kind, uint32_t vlen) {
  switch (kind) {
    case Kind::kInt:
    case Kind::kVar:
    case Kind::kDeclTag:
      return 1;
    case Kind::kArray:
      return 3;
    case Kind::kStruct:
    case Kind::kUnion:
    case Kind::kDatasec:
    case Kind::kEnum64:
      return uint64_t{3} * vlen;
    case Kind::kEnum:
    case Kind::kFuncProto:
      return uint64_t{2} * vlen;
    default:
      return 0;
  }
}

// True if the third word of such a record is an id: PTR, CONST, VOLATILE,
// RESTRICT, TYPEDEF, TYPE_TAG, FUNC, FUNC_PROTO, VAR, DECL_TAG and FWD. (FWD's
// must be 0, but libbpf treats it as an id everywhere.)
constexpr bool ThirdWordIsType(Kind kind) {
  switch (kind) {
    case Kind::kPtr:
    case Kind::kFwd:
    case Kind::kTypedef:
    case Kind::kVolatile:
    case Kind::kConst:
    case Kind::kRestrict:
    case Kind::kFunc:
    case Kind::kFuncProto:
    case Kind::kVar:
    case Kind::kDeclTag:
    case Kind::kTypeTag:
      return true;
    default:
      return false;
  }
}

// Calls fn(id) for each id field of a record, in the order of upstream's
// iterators: the third word, then the trailing data from front to back. If the
// record is mutable, fn gets a reference and may rewrite the id.
template <typename Record, typename Fn>
inline void ForEachTypeField(Record& type, Fn&& fn) {
  const Kind kind = type.kind();
  if (ThirdWordIsType(kind)) fn(type.size_or_type);
  auto* tail = type.tail();
  const uint32_t vlen = type.vlen();
  switch (kind) {
    case Kind::kArray:
      fn(tail[0]);
      fn(tail[1]);
      break;
    case Kind::kStruct:
    case Kind::kUnion:
      for (uint32_t i = 0; i < vlen; ++i) fn(tail[3 * i + 1]);
      break;
    case Kind::kFuncProto:
      for (uint32_t i = 0; i < vlen; ++i) fn(tail[2 * i + 1]);
      break;
    case Kind::kDatasec:
      for (uint32_t i = 0; i < vlen; ++i) fn(tail[3 * i]);
      break;
    default:
      break;
  }
}

// The same for each string field: the name, then the names in the trailing
// data. Of a record of an unknown kind, only the name is visited.
template <typename Record, typename Fn>
inline void ForEachStringField(Record& type, Fn&& fn) {
  fn(type.name_off);
  auto* tail = type.tail();
  const uint32_t vlen = type.vlen();
  switch (type.kind()) {
    case Kind::kStruct:
    case Kind::kUnion:
    case Kind::kEnum64:
      for (uint32_t i = 0; i < vlen; ++i) fn(tail[3 * i]);
      break;
    case Kind::kEnum:
    case Kind::kFuncProto:
      for (uint32_t i = 0; i < vlen; ++i) fn(tail[2 * i]);
      break;
    default:
      break;
  }
}

}  // namespace btfd::btf

#endif  // BTFD_LIB_BTF_FORMAT_H_
