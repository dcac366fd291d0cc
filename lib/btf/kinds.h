// SPDX-License-Identifier: Apache-2.0
//
// What kinds have in common: the one place for predicates over them.
#ifndef BTFD_LIB_BTF_KINDS_H_
#define BTFD_LIB_BTF_KINDS_H_

#include "lib/btf/format.h"

namespace btfd::btf {

// What has members.
constexpr bool IsComposite(Kind kind) {
  return kind == Kind::kStruct || kind == Kind::kUnion;
}

constexpr bool IsAnyEnum(Kind kind) {
  return kind == Kind::kEnum || kind == Kind::kEnum64;
}

// What the kernel calls a modifier: a link of the chains that it follows from a
// type to the one that has a size.
constexpr bool IsModifier(Kind kind) {
  switch (kind) {
    case Kind::kTypedef:
    case Kind::kVolatile:
    case Kind::kConst:
    case Kind::kRestrict:
    case Kind::kTypeTag:
      return true;
    default:
      return false;
  }
}

// What leads to exactly one other type and nothing else. VAR and DECL_TAG do
// not count: no type of a program refers to them.
constexpr bool IsSingleReference(Kind kind) {
  return IsModifier(kind) || kind == Kind::kPtr || kind == Kind::kFunc;
}

// What dedup compares as graphs: its key is made before its references are
// settled.
constexpr bool IsGraphKind(Kind kind) {
  return IsComposite(kind) || kind == Kind::kTypedef;
}

// What is made of other types, as far as graph comparison goes.
constexpr bool HasParts(Kind kind) {
  return IsSingleReference(kind) || IsComposite(kind) ||
         kind == Kind::kFuncProto || kind == Kind::kArray;
}

// What no type may refer to: libbpf's comparison fails with EINVAL there.
constexpr bool IsNeverReferred(Kind kind) {
  return kind == Kind::kVar || kind == Kind::kDatasec || kind == Kind::kDeclTag;
}

}  // namespace btfd::btf

#endif  // BTFD_LIB_BTF_KINDS_H_
