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

uint64_t GraphKey(const TypeRecord& type) {
  uint64_t hash = HashStep(0x6772617068, type.name_off, type.info);
  if (!IsComposite(type.kind())) return hash;
  hash = HashStep(hash, type.size_or_type);
  for (const Member& member : type.members()) {
    hash = HashStep(hash, member.name_off, member.offset);
  }
  return hash;
}

}  // namespace btfd::btf
