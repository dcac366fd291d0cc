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

absl::string_view EssentialName(absl::string_view name) {
  constexpr absl::string_view kSeparator = "___";
  for (size_t at = name.rfind(kSeparator); at != absl::string_view::npos;
       at = at == 0 ? absl::string_view::npos
                    : name.rfind(kSeparator, at - 1)) {
    const size_t behind = at + kSeparator.size();
    if (at > 0 && name[at - 1] != '_' && behind < name.size() &&
        name[behind] != '_') {
      return name.substr(0, at);
    }
  }
  return name;
}

}  // namespace btfd::core
