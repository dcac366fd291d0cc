// SPDX-License-Identifier: Apache-2.0
//
// The layout of a Base's blob. It is in host byte order; each section is
// aligned to 8 bytes and padded with zeros, so that equal bases give equal
// blobs.
#ifndef BTFD_LIB_BTF_BASE_BLOB_H_
#define BTFD_LIB_BTF_BASE_BLOB_H_

#include <cstdint>

#include "absl/strings/string_view.h"
#include "lib/btf/format.h"
#include "lib/btf/probe_table.h"

namespace btfd::btf {

inline constexpr uint64_t kBaseBlobMagic = 0x3145534142465442;  // "BTFBASE1"
// Raise it with any change of the layout, of the hash or of their meaning.
inline constexpr uint32_t kBaseBlobVersion = 1;

enum BaseSection : uint32_t {
  kWords,             // void's record, then all others
  kOffsets,           // id -> word index, with the end
  kStrings,           // verbatim
  kLayout,            // verbatim, in host order
  kStringSlots,       // ProbeShape strings: value = offset of a whole string
  kNameSlots,         // ProbeShape names: value = group + 1
  kGroupStarts,       // group -> index into kNamedIds, with the end
  kNamedIds,          // grouped by (class, text), ascending in each group
  kDeclTags,          // ids, ascending
  kSharedComposites,  // ids, ascending: Base::SharesCompositeName()
  kBaseSections,
};

// The classes of names that are looked up. An id may be in two classes.
enum NameClass : uint32_t {
  kFuncs,
  kStructs,
  kUnions,
  kTypedefs,
  kRelocatables,
  kNameClasses,
};

constexpr bool IsRelocatable(Kind kind) {
  return kind == Kind::kInt || kind == Kind::kFloat || kind == Kind::kEnum ||
         kind == Kind::kEnum64 || kind == Kind::kFwd || kind == Kind::kStruct ||
         kind == Kind::kUnion;
}

// Gives the same text another hash in each class, so that two classes do not
// share slots.
inline uint64_t NameHash(uint64_t text_hash, uint32_t name_class) {
  return text_hash ^ ((name_class + 1) * uint64_t{0x9e3779b97f4a7c15});
}

struct BaseBlobHeader {
  uint64_t magic;
  uint64_t checksum;  // XXH3 of all that follows it, to the blob's end
  uint64_t size;      // of the blob
  uint32_t version;
  uint32_t foreign_endian;
  uint32_t modifiable;
  uint32_t layout_size;   // bytes
  uint32_t strings_size;  // bytes
  TypeId end;             // number of types, void included
  ProbeShape string_shape;
  ProbeShape name_shape;
  uint32_t class_ends[kNameClasses];  // groups of class c end here
  uint32_t padding;
  struct {
    uint64_t offset;  // bytes from the start of the blob
    uint64_t size;    // bytes, without the padding
  } sections[kBaseSections];
};
static_assert(sizeof(BaseBlobHeader) % 8 == 0);

uint64_t BaseBlobChecksum(absl::string_view blob);

}  // namespace btfd::btf

#endif  // BTFD_LIB_BTF_BASE_BLOB_H_
