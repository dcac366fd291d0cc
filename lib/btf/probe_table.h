// SPDX-License-Identifier: Apache-2.0
//
// A hash table with open addressing, as plain data, so that it can lie in a
// blob. It has slots of 32 bits. An empty slot is 0. A full one has a non-zero
// value in its low `value_bits` bits, and above them a tag: some bits of the
// key's hash, which spare most comparisons with other keys. A value is an
// offset or number that leads to the key. The table itself stores no keys.
#ifndef BTFD_LIB_BTF_PROBE_TABLE_H_
#define BTFD_LIB_BTF_PROBE_TABLE_H_

#include <cstdint>

namespace btfd::btf {

struct ProbeShape {
  uint32_t mask = 0;         // number of slots, a power of two, minus 1
  uint32_t value_bits = 32;  // 1 .. 32

  uint32_t value(uint32_t slot) const {
    return value_bits >= 32 ? slot : slot & ((1u << value_bits) - 1);
  }
  uint32_t tag(uint64_t hash) const {
    return value_bits >= 32 ? 0
                            : static_cast<uint32_t>(hash >> 32) << value_bits;
  }
  uint32_t slot(uint64_t hash, uint32_t value) const {
    return tag(hash) | value;
  }

  // The shape for `keys` keys and values up to `max_value`. At most two thirds
  // of its slots will be full.
  static ProbeShape For(uint64_t keys, uint64_t max_value) {
    ProbeShape shape;
    uint64_t slots = 4;
    while (slots * 2 < keys * 3 + 2) slots *= 2;
    shape.mask = static_cast<uint32_t>(slots - 1);
    shape.value_bits = 1;
    while (shape.value_bits < 32 && (max_value >> shape.value_bits) != 0) {
      ++shape.value_bits;
    }
    return shape;
  }
};

// Fetches the slots of a later Probe() into the processor's cache. Without it
// the building of a table would wait for memory most of the time.
inline void PrefetchProbe(const uint32_t* slots, const ProbeShape& shape,
                          uint64_t hash) {
  __builtin_prefetch(&slots[static_cast<uint32_t>(hash) & shape.mask], 1);
}

// Index of the first slot of that hash with a value that `equal` accepts, or of
// the empty slot where the search ended. Precondition: the table has an empty
// slot.
template <typename Equal>
inline uint32_t Probe(const uint32_t* slots, const ProbeShape& shape,
                      uint64_t hash, Equal&& equal) {
  const uint32_t tag = shape.tag(hash);
  uint32_t i = static_cast<uint32_t>(hash) & shape.mask;
  for (;; i = (i + 1) & shape.mask) {
    const uint32_t slot = slots[i];
    if (slot == 0) return i;
    const uint32_t value = shape.value(slot);
    if (slot - value == tag && equal(value)) return i;
  }
}

}  // namespace btfd::btf

#endif  // BTFD_LIB_BTF_PROBE_TABLE_H_
