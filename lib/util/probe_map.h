// SPDX-License-Identifier: Apache-2.0
//
// A hash map from numbers to small values whose memory comes from the request's
// arena. Open addressing with linear probing, at most half full; the arena
// never takes memory back piece by piece, so the map grows by whole tables.
//
// Measured against absl::flat_hash_map, one insertion and four look-ups a key:
// with 100 keys, which is what most modules have, 1.9 ns an operation against
// 2.7 to 3.2; with 2,000 keys the same; with 20,000 keys and more
// absl::flat_hash_map is faster, by up to a half. It takes no arena (the
// request's memory is given back at once) and does not count the keys that were
// in the way, which the work budget is paid by.
//
//   ProbeMap<uint32_t, uint32_t> numbers(memory, /*expected=*/100);
//   numbers[id] = 7;
//   const uint32_t* number = numbers.Find(id);  // null if there is none
#ifndef BTFD_LIB_UTIL_PROBE_MAP_H_
#define BTFD_LIB_UTIL_PROBE_MAP_H_

#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <vector>

namespace btfd::util {

// Keys are unsigned integers other than 0. Not thread-safe.
template <typename Key, typename Value>
class ProbeMap {
 public:
  // `expected` keys fit without growing.
  explicit ProbeMap(std::pmr::memory_resource* memory, size_t expected = 0)
      : slots_(memory) {
    if (expected != 0) slots_.resize(SlotsFor(expected));
  }

  bool empty() const { return count_ == 0; }

  // The key's value, a fresh Value() if the key is new. The reference is valid
  // until the next call of this or of Clear(). Adds to *passed how many slots
  // of other keys were in the way.
  Value& At(Key key, uint64_t* passed) {
    if ((count_ + 1) * 2 > slots_.size()) Grow();
    Slot& slot = slots_[Locate(key, passed)];
    count_ += slot.key == 0;
    slot.key = key;
    return slot.value;
  }
  Value& operator[](Key key) {
    uint64_t passed = 0;
    return At(key, &passed);
  }

  // Null if the key is new. Valid as above.
  const Value* Find(Key key, uint64_t* passed) const {
    if (count_ == 0) return nullptr;
    const Slot& slot = slots_[Locate(key, passed)];
    return slot.key == 0 ? nullptr : &slot.value;
  }
  const Value* Find(Key key) const {
    uint64_t passed = 0;
    return Find(key, &passed);
  }

  // Forgets all keys; `expected` new ones fit without growing.
  void Clear(size_t expected) {
    slots_.assign(SlotsFor(expected), Slot());
    count_ = 0;
  }

 private:
  struct Slot {
    Key key = 0;
    Value value = Value();
  };

  static size_t SlotsFor(size_t keys) {
    size_t slots = 64;
    while (slots < 2 * (keys + 1)) slots *= 2;
    return slots;
  }

  // Keys that lie close together, as ids do, are spread by the multiplication.
  size_t Locate(Key key, uint64_t* passed) const {
    const size_t mask = slots_.size() - 1;
    size_t i = (uint64_t{key} * 0x9e3779b97f4a7c15u >> 32) & mask;
    while (slots_[i].key != key && slots_[i].key != 0) {
      ++*passed;
      i = (i + 1) & mask;
    }
    return i;
  }

  void Grow() {
    std::pmr::vector<Slot> old(SlotsFor(slots_.size()), Slot(),
                               slots_.get_allocator());
    old.swap(slots_);
    uint64_t passed = 0;
    for (const Slot& slot : old) {
      if (slot.key != 0) slots_[Locate(slot.key, &passed)] = slot;
    }
  }

  std::pmr::vector<Slot> slots_;  // a power of two; key 0: empty
  size_t count_ = 0;
};

}  // namespace btfd::util

#endif  // BTFD_LIB_UTIL_PROBE_MAP_H_
