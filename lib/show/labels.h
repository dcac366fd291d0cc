// SPDX-License-Identifier: Apache-2.0
//
// The words for kinds, encodings and linkages, and the names of types, as
// `bpftool btf dump` has them (Linux 7.3).
#ifndef BTFD_LIB_SHOW_LABELS_H_
#define BTFD_LIB_SHOW_LABELS_H_

#include <cstdint>

#include "lib/btf/btf.h"
#include "lib/btf/format.h"

namespace btfd::show {

// "STRUCT"; "UNKNOWN" for a kind that has no name here.
const char* KindLabel(uint32_t kind_number);
// `encoding` is the third word's: "(none)", "SIGNED", "CHAR", "BOOL", "UNKN".
const char* EncodingLabel(uint32_t encoding);
// "static", "global", "extern", "(unknown)": of a FUNC and of a VAR.
const char* LinkageLabel(uint32_t linkage);
// The name at an offset; "(anon)" for offset 0.
const char* NameLabel(const btf::Btf& btf, uint32_t name_off);

// The parts of an INT's word behind its record.
constexpr uint32_t IntEncoding(uint32_t word) { return word >> 24 & 0xf; }
constexpr uint32_t IntOffset(uint32_t word) { return word >> 16 & 0xff; }
constexpr uint32_t IntBits(uint32_t word) { return word & 0xff; }

// Where a member lies, in bits from the start of its struct.
struct MemberPlace {
  uint32_t bit_offset = 0;
  uint32_t bitfield_size = 0;  // 0: not a bit field
};
MemberPlace PlaceOf(const btf::TypeRecord& composite,
                    const btf::Member& member);

// The values of an ENUM and of an ENUM64: all 64 bits, the sign included.
int64_t ValueOf(const btf::TypeRecord& type, const btf::Enumerator& value);
int64_t ValueOf(const btf::Enumerator64& value);

}  // namespace btfd::show

#endif  // BTFD_LIB_SHOW_LABELS_H_
