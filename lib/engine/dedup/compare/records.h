// SPDX-License-Identifier: Apache-2.0
//
// What two records say of their types as a pair, and by which parts the types
// are yet to be compared: libbpf's rules, kind by kind. Internal to dedup.
#ifndef BTFD_LIB_ENGINE_DEDUP_COMPARE_RECORDS_H_
#define BTFD_LIB_ENGINE_DEDUP_COMPARE_RECORDS_H_

#include <cstdint>

#include "lib/engine/dedup/state.h"

namespace btfd::engine::dedup {

enum class RecordEquality : uint8_t {
  kSame,  // if the parts are
  kDifferent,
  kWouldChangeBase,  // same, if the base's forward became a struct or union
  kNotComparable,    // a VAR, DATASEC or DECL_TAG: libbpf says EINVAL
};

// Full enums are the same where their records are; an empty one is the same as
// any of its name, of either kind and any size.
inline bool SameEnum(const TypeRecord& a, const TypeRecord& b) {
  if (a.vlen() != 0 && b.vlen() != 0) return btf::SameRecord(a, b);
  return a.name_off == b.name_off;
}

inline bool SameParameterNames(const TypeRecord& a, const TypeRecord& b) {
  const uint32_t* x = a.tail();
  const uint32_t* y = b.tail();
  for (uint32_t i = 0; i < a.vlen(); ++i, x += 2, y += 2) {
    if (x[0] != y[0]) return false;
  }
  return true;
}

// A forward and a type of another kind, of one name.
inline RecordEquality CompareForward(const State& state, const TypeRecord& a,
                                     const TypeRecord& b, TypeId canonical) {
  const bool candidate_is_forward = a.kind() == Kind::kFwd;
  if (!candidate_is_forward && b.kind() != Kind::kFwd)
    return RecordEquality::kDifferent;
  const TypeRecord& forward = candidate_is_forward ? a : b;
  const TypeRecord& real = candidate_is_forward ? b : a;
  const Kind declared = forward.kflag() ? Kind::kUnion : Kind::kStruct;
  if (real.kind() != declared) return RecordEquality::kDifferent;
  return candidate_is_forward || state.types.is_own(canonical)
             ? RecordEquality::kSame
             : RecordEquality::kWouldChangeBase;
}

// Precondition: `canonical` is its ForwardRoot(). What the two consist of is
// handed to *parts in the order in which libbpf compares it, by
//   void First(TypeId candidate, TypeId canonical);
//   void Rest(const uint32_t* candidate, const uint32_t* canonical,
//             uint32_t count, uint32_t stride);
// each of them called once at most, First() before Rest(); only with kSame. The
// arrays are words of the records.
template <typename Parts>
RecordEquality CompareRecords(const State& state, TypeId candidate,
                              TypeId canonical, Parts* parts) {
  const TypeRecord& a = state.types[candidate];
  const TypeRecord& b = state.types[canonical];
  auto equal_if = [](bool same) {
    return same ? RecordEquality::kSame : RecordEquality::kDifferent;
  };
  if (a.name_off != b.name_off) return RecordEquality::kDifferent;
  const Kind kind = a.kind();
  if (kind != b.kind()) return CompareForward(state, a, b, canonical);
  switch (kind) {
    case Kind::kInt:
      return equal_if(btf::SameRecord(a, b));
    case Kind::kEnum:
    case Kind::kEnum64:
      return equal_if(SameEnum(a, b));
    case Kind::kFwd:
    case Kind::kFloat:
      return equal_if(btf::SameHead(a, b));
    case Kind::kPtr:
    case Kind::kTypedef:
    case Kind::kVolatile:
    case Kind::kConst:
    case Kind::kRestrict:
    case Kind::kFunc:
    case Kind::kTypeTag:
      if (a.info != b.info) return RecordEquality::kDifferent;
      parts->First(a.size_or_type, b.size_or_type);
      return RecordEquality::kSame;
    case Kind::kArray:
      if (!btf::SameHead(a, b) || a.array().count != b.array().count) {
        return RecordEquality::kDifferent;
      }
      parts->First(a.array().index, b.array().index);
      parts->Rest(a.tail(), b.tail(), 1, 1);  // the element
      return RecordEquality::kSame;
    case Kind::kStruct:
    case Kind::kUnion:
      state.work->Spend(a.vlen());
      if (!btf::SameShape(a, b)) return RecordEquality::kDifferent;
      parts->Rest(a.tail() + 1, b.tail() + 1, a.vlen(), 3);
      return RecordEquality::kSame;
    case Kind::kFuncProto:
      state.work->Spend(a.vlen());
      if (a.info != b.info || !SameParameterNames(a, b)) {
        return RecordEquality::kDifferent;
      }
      parts->First(a.size_or_type, b.size_or_type);
      parts->Rest(a.tail() + 1, b.tail() + 1, a.vlen(), 2);
      return RecordEquality::kSame;
    default:
      return RecordEquality::kNotComparable;
  }
}

}  // namespace btfd::engine::dedup

#endif  // BTFD_LIB_ENGINE_DEDUP_COMPARE_RECORDS_H_
