// SPDX-License-Identifier: Apache-2.0
#include "lib/show/labels.h"

namespace btfd::show {

const char* KindLabel(uint32_t kind_number) {
  static constexpr const char* kLabels[] = {
      "UNKNOWN", "INT",      "PTR",      "ARRAY",      "STRUCT",
      "UNION",   "ENUM",     "FWD",      "TYPEDEF",    "VOLATILE",
      "CONST",   "RESTRICT", "FUNC",     "FUNC_PROTO", "VAR",
      "DATASEC", "FLOAT",    "DECL_TAG", "TYPE_TAG",   "ENUM64"};
  static_assert(sizeof(kLabels) / sizeof(*kLabels) == btf::kMaxKnownKind + 1);
  return kLabels[kind_number <= btf::kMaxKnownKind ? kind_number : 0];
}

const char* EncodingLabel(uint32_t encoding) {
  switch (encoding) {
    case 0:
      return "(none)";
    case 1:
      return "SIGNED";
    case 2:
      return "CHAR";
    case 4:
      return "BOOL";
    default:
      return "UNKN";
  }
}

const char* LinkageLabel(uint32_t linkage) {
  static constexpr const char* kLabels[] = {"static", "global", "extern"};
  return linkage < 3 ? kLabels[linkage] : "(unknown)";
}

const char* NameLabel(const btf::Btf& btf, uint32_t name_off) {
  return name_off == 0 ? "(anon)" : btf.string(name_off);
}

MemberPlace PlaceOf(const btf::TypeRecord& composite,
                    const btf::Member& member) {
  if (!composite.kflag()) return {member.offset, 0};
  return {member.offset & 0xffffff, member.offset >> 24};
}

int64_t ValueOf(const btf::TypeRecord& type, const btf::Enumerator& value) {
  if (type.kflag()) return static_cast<int32_t>(value.value);
  return value.value;
}

int64_t ValueOf(const btf::Enumerator64& value) {
  return static_cast<int64_t>(uint64_t{value.hi32} << 32 | value.lo32);
}

}  // namespace btfd::show
