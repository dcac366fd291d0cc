// SPDX-License-Identifier: Apache-2.0
//
// TypeTable: types and strings of a BTF as plain tables, for any owner.
#ifndef BTFD_LIB_BTF_TYPE_TABLE_H_
#define BTFD_LIB_BTF_TYPE_TABLE_H_

#include <cstdint>

#include "lib/btf/format.h"

namespace btfd::btf {

// The parent of a split BTF: ids below `end` and string offsets below `str_len`
// are the parent's. A Base or another Btf owns the tables and must outlive
// every user. A standalone BTF has the empty parent, which has void and no
// strings.
struct TypeTable {
  const uint32_t* words = nullptr;    // all records, back to back
  const uint32_t* offsets = nullptr;  // id -> word index; [0] is void's record;
                                      // [end] is the end of the last record
  TypeId end = 1;                     // number of types, void included
  const char* strings = nullptr;
  uint32_t str_len = 0;

  const TypeRecord& type(TypeId id) const {
    return *reinterpret_cast<const TypeRecord*>(words + offsets[id]);
  }
  uint32_t type_words(TypeId id) const { return offsets[id + 1] - offsets[id]; }
  const char* string(uint32_t offset) const { return strings + offset; }
};

// The record of id 0.
const TypeRecord& VoidType();

}  // namespace btfd::btf

#endif  // BTFD_LIB_BTF_TYPE_TABLE_H_
