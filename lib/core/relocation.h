// SPDX-License-Identifier: Apache-2.0
//
// A CO-RE relocation: the compiler's note that an instruction of a BPF program
// depends on a type of the kernel that it will meet. Source: Linux
// Documentation/bpf/llvm_reloc.rst ("CO-RE Relocations") and
// include/uapi/linux/bpf.h (struct bpf_core_relo, enum bpf_core_relo_kind).
#ifndef BTFD_LIB_CORE_RELOCATION_H_
#define BTFD_LIB_CORE_RELOCATION_H_

#include <cstdint>

#include "absl/strings/string_view.h"
#include "lib/btf/format.h"

namespace btfd::core {

enum class RelocationKind : uint32_t {
  kFieldByteOffset = 0,
  kFieldByteSize = 1,
  kFieldExists = 2,
  kFieldSigned = 3,
  kFieldLeftShift = 4,
  kFieldRightShift = 5,
  kTypeIdLocal = 6,
  kTypeIdTarget = 7,
  kTypeExists = 8,
  kTypeSize = 9,
  kEnumValueExists = 10,
  kEnumValue = 11,
  kTypeMatches = 12,
};
inline constexpr uint32_t kRelocationKinds = 13;

constexpr bool IsAboutField(RelocationKind kind) {
  return kind <= RelocationKind::kFieldRightShift;
}
constexpr bool IsAboutEnumerator(RelocationKind kind) {
  return kind == RelocationKind::kEnumValueExists ||
         kind == RelocationKind::kEnumValue;
}
constexpr bool IsAboutType(RelocationKind kind) {
  return !IsAboutField(kind) && !IsAboutEnumerator(kind) &&
         static_cast<uint32_t>(kind) < kRelocationKinds;
}

// "byte offset of a field", for messages.
absl::string_view RelocationKindName(RelocationKind kind);

struct Relocation {
  uint32_t instruction = 0;  // its offset in the section, in bytes
  btf::TypeId type = 0;      // the program's own
  uint32_t access = 0;       // offset of a string such as "0:1:2"
  RelocationKind kind = RelocationKind::kFieldByteOffset;
  // Where it stands, for messages.
  uint32_t section = 0;  // offset of the section's name in the strings
  uint32_t place = 0;    // offset of the record in .BTF.ext, in bytes
};

// The part of a name that counts: all before the last "___" with something
// other than an underscore on both sides. What comes behind it is a flavour, by
// which a program tells several declarations of one kernel type apart.
absl::string_view EssentialName(absl::string_view name);

}  // namespace btfd::core

#endif  // BTFD_LIB_CORE_RELOCATION_H_
