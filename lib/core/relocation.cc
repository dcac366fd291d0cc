// SPDX-License-Identifier: Apache-2.0
#include "lib/core/relocation.h"

namespace btfd::core {

absl::string_view RelocationKindName(RelocationKind kind) {
  switch (kind) {
    case RelocationKind::kFieldByteOffset:
      return "byte offset of a field";
    case RelocationKind::kFieldByteSize:
      return "size of a field";
    case RelocationKind::kFieldExists:
      return "existence of a field";
    case RelocationKind::kFieldSigned:
      return "signedness of a field";
    case RelocationKind::kFieldLeftShift:
      return "left shift of a bit-field";
    case RelocationKind::kFieldRightShift:
      return "right shift of a bit-field";
    case RelocationKind::kTypeIdLocal:
      return "id of a type of the program";
    case RelocationKind::kTypeIdTarget:
      return "id of a type of the kernel";
    case RelocationKind::kTypeExists:
      return "existence of a type";
    case RelocationKind::kTypeSize:
      return "size of a type";
    case RelocationKind::kEnumValueExists:
      return "existence of an enumerator";
    case RelocationKind::kEnumValue:
      return "value of an enumerator";
    case RelocationKind::kTypeMatches:
      return "match of a type";
  }
  return "unknown";
}

// A separator is a run of exactly three underscores, so every third character
// is looked at, from the end on, and only where that is one, its neighbours.
absl::string_view EssentialName(absl::string_view name) {
  size_t at = name.size();
  while (at >= 3) {
    at -= 3;
    if (name[at] != '_') continue;
    size_t begin = at;
    while (begin > 0 && name[begin - 1] == '_') --begin;
    size_t end = at + 1;
    while (end < name.size() && name[end] == '_') ++end;
    if (end - begin == 3 && begin > 0 && end < name.size()) {
      return name.substr(0, begin);
    }
    at = begin;
  }
  return name;
}

}  // namespace btfd::core
