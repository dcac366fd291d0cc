// SPDX-License-Identifier: Apache-2.0
//
// Predicates over kinds. Every other file takes them from here.
#ifndef BTFD_LIB_BTF_KINDS_H_
#define BTFD_LIB_BTF_KINDS_H_

#include "lib/btf/format.h"

namespace btfd::btf {

// True for the kinds that have members.
constexpr bool IsComposite(Kind kind) {
  return kind == Kind::kStruct || kind == Kind::kUnion;
}

constexpr bool IsAnyEnum(Kind kind) {
  return kind == Kind::kEnum || kind == Kind::kEnum64;
}

// True for what the kernel calls a modifier. The kernel skips modifiers on the
// way from a type to the one that has a size.
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

// True for a kind whose only content, besides a name, is a reference to one
// other type. VAR and DECL_TAG are left out, because no type refers to them.
constexpr bool IsSingleReference(Kind kind) {
  return IsModifier(kind) || kind == Kind::kPtr || kind == Kind::kFunc;
}

// True for the kinds that dedup compares as graphs. Their key is made before
// dedup has decided about the types to which they refer.
constexpr bool IsGraphKind(Kind kind) {
  return IsComposite(kind) || kind == Kind::kTypedef;
}

// True for the kinds that refer to other types, as graph comparison sees it.
constexpr bool HasParts(Kind kind) {
  return IsSingleReference(kind) || IsComposite(kind) ||
         kind == Kind::kFuncProto || kind == Kind::kArray;
}

// True for the kinds to which no type may refer. libbpf's comparison fails with
// EINVAL if one does.
constexpr bool IsNeverReferred(Kind kind) {
  return kind == Kind::kVar || kind == Kind::kDatasec || kind == Kind::kDeclTag;
}

}  // namespace btfd::btf

#endif  // BTFD_LIB_BTF_KINDS_H_
