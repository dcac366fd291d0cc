// SPDX-License-Identifier: Apache-2.0
#include "lib/btf/dedup_key.h"

namespace btfd::btf {

uint64_t RecordKey(const TypeRecord& type) {
  uint64_t hash = HashStep(HashStep(0x7265636f7264, type.name_off, type.info),
                           type.size_or_type);
  const uint32_t* tail = type.tail();
  const uint32_t* end = tail + (RecordWords(type) - 3);
  for (; end - tail >= 2; tail += 2) hash = HashStep(hash, tail[0], tail[1]);
  if (tail != end) hash = HashStep(hash, *tail);
  return hash;
}

uint64_t PartsKey(const TypeRecord& type) {
  uint64_t hash = HashStep(0x7061727473, type.name_off, type.info);
  switch (type.kind()) {
    case Kind::kStruct:
    case Kind::kUnion:
      hash = HashStep(hash, type.size_or_type);
      for (const Member& member : type.members()) {
        hash = HashStep(hash, member.name_off, member.offset);
      }
      return hash;
    case Kind::kFuncProto:
      for (const Param& param : type.params()) {
        hash = HashStep(hash, param.name_off);
      }
      return hash;
    case Kind::kArray:
      return HashStep(hash, type.size_or_type, type.array().count);
    default:
      return hash;
  }
}

}  // namespace btfd::btf
