// SPDX-License-Identifier: Apache-2.0
//
// The two look-ups that stages need for one request: small numbers for sparse
// ids, and numbers for texts. Both cost what is put in, not what ids or texts
// there could be, and take their memory from the request's arena.
#ifndef BTFD_LIB_ENGINE_LOOKUP_H_
#define BTFD_LIB_ENGINE_LOOKUP_H_

#include <cstdint>
#include <memory_resource>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "lib/btf/string_hash.h"

namespace btfd::engine {

// Numbers non-zero keys 1, 2, 3, ... in the order of their first insertion.
class SparseNumbers {
 public:
  explicit SparseNumbers(std::pmr::memory_resource* memory)
      : slots_(256, Slot{}, memory) {}

  // The key's number, and whether it is new. Precondition: key != 0.
  std::pair<uint32_t, bool> Insert(uint32_t key) {
    Slot* slot = Locate(slots_, key);
    if (slot->key == key) return {slot->number, false};
    if (size_t{count_} * 2 >= slots_.size()) {
      Grow();
      slot = Locate(slots_, key);
    }
    *slot = {key, ++count_};
    return {count_, true};
  }
  // 0 if the key was never inserted.
  uint32_t Find(uint32_t key) { return Locate(slots_, key)->number; }
  uint32_t size() const { return count_; }

 private:
  struct Slot {
    uint32_t key = 0;
    uint32_t number = 0;
  };
  using Slots = std::pmr::vector<Slot>;

  // Ids that a module refers to lie close together, so their low bits, spread
  // by a multiplication, collide rarely.
  static Slot* Locate(Slots& slots, uint32_t key) {
    const size_t mask = slots.size() - 1;
    size_t i = (key * 0x9e3779b1u) >> 7 & mask;
    while (slots[i].key != 0 && slots[i].key != key) i = (i + 1) & mask;
    return &slots[i];
  }
  void Grow() {
    Slots bigger(slots_.size() * 4, Slot{}, slots_.get_allocator());
    for (const Slot& slot : slots_) {
      if (slot.key != 0) *Locate(bigger, slot.key) = slot;
    }
    slots_ = std::move(bigger);
  }

  Slots slots_;
  uint32_t count_ = 0;
};

// Text -> value; the first insertion of a text wins. The texts are not copied:
// what they point to must outlive the table.
class TextTable {
 public:
  TextTable(std::pmr::memory_resource* memory, size_t expected)
      : entries_(memory), slots_(memory) {
    entries_.reserve(expected);
    size_t size = 16;
    while (size < expected * 2) size *= 2;
    slots_.assign(size, 0);
  }

  // The value that stands for the text, and whether it is the one just given.
  std::pair<uint32_t, bool> Insert(absl::string_view text, uint32_t value) {
    if (entries_.size() * 2 >= slots_.size()) Grow();
    const uint64_t hash = btf::HashString(text);
    uint32_t* slot = Locate(text, hash);
    if (*slot != 0) return {entries_[*slot - 1].value, false};
    entries_.push_back({text, static_cast<uint32_t>(hash), value});
    *slot = static_cast<uint32_t>(entries_.size());
    return {value, true};
  }
  // Null if there is none.
  const uint32_t* Find(absl::string_view text) {
    const uint32_t slot = *Locate(text, btf::HashString(text));
    return slot == 0 ? nullptr : &entries_[slot - 1].value;
  }

 private:
  struct Entry {
    absl::string_view text;
    uint32_t hash;
    uint32_t value;
  };

  uint32_t* Locate(absl::string_view text, uint64_t hash) {
    const size_t mask = slots_.size() - 1;
    for (size_t i = hash & mask;; i = (i + 1) & mask) {
      if (slots_[i] == 0) return &slots_[i];
      const Entry& entry = entries_[slots_[i] - 1];
      if (entry.hash == static_cast<uint32_t>(hash) && entry.text == text) {
        return &slots_[i];
      }
    }
  }
  void Grow() {
    slots_.assign(slots_.size() * 4, 0);
    const size_t mask = slots_.size() - 1;
    for (uint32_t number = 1; number <= entries_.size(); ++number) {
      size_t i = entries_[number - 1].hash & mask;
      while (slots_[i] != 0) i = (i + 1) & mask;
      slots_[i] = number;
    }
  }

  std::pmr::vector<Entry> entries_;
  std::pmr::vector<uint32_t> slots_;  // number of an entry, from 1; 0: empty
};

}  // namespace btfd::engine

#endif  // BTFD_LIB_ENGINE_LOOKUP_H_
