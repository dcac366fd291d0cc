// SPDX-License-Identifier: Apache-2.0
//
// Texts to numbers, for one request: costs what is put in, and takes its memory
// from the request's arena. (Numbers to numbers: util::ProbeMap.)
#ifndef BTFD_LIB_ENGINE_LOOKUP_H_
#define BTFD_LIB_ENGINE_LOOKUP_H_

#include <cstdint>
#include <memory_resource>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "lib/btf/string_hash.h"

namespace btfd::engine {

// Text -> value; the first insertion of a text wins. The texts are not copied:
// what they point to must outlive the table. Nobody can make texts that meet in
// it.
class TextTable {
 public:
  // `expected` texts fit without growing.
  TextTable(std::pmr::memory_resource* memory, size_t expected)
      : entries_(memory), slots_(memory) {
    entries_.reserve(expected);
    size_t size = 16;
    while (size < expected * 2) size *= 2;
    slots_.resize(size);
  }

  // The value that stands for the text, and whether it is the one just given.
  std::pair<uint32_t, bool> Insert(absl::string_view text, uint32_t value) {
    if (entries_.size() * 2 >= slots_.size()) Grow();
    const auto hash = static_cast<uint32_t>(btf::HashStringSecretly(text));
    Slot* slot = Locate(text, hash);
    if (slot->number != 0) return {entries_[slot->number - 1].value, false};
    entries_.push_back({text, value});
    *slot = {hash, static_cast<uint32_t>(entries_.size())};
    return {value, true};
  }
  // Null if there is none.
  const uint32_t* Find(absl::string_view text) {
    const auto hash = static_cast<uint32_t>(btf::HashStringSecretly(text));
    const Slot* slot = Locate(text, hash);
    return slot->number == 0 ? nullptr : &entries_[slot->number - 1].value;
  }

 private:
  struct Entry {
    absl::string_view text;
    uint32_t value;
  };
  struct Slot {
    uint32_t hash = 0;
    uint32_t number = 0;  // of an entry, from 1; 0: empty
  };

  Slot* Locate(absl::string_view text, uint32_t hash) {
    const size_t mask = slots_.size() - 1;
    size_t i = hash & mask;
    while (slots_[i].number != 0 &&
           (slots_[i].hash != hash ||
            entries_[slots_[i].number - 1].text != text)) {
      i = (i + 1) & mask;
    }
    return &slots_[i];
  }
  void Grow() {
    std::pmr::vector<Slot> bigger(slots_.size() * 4, Slot{},
                                  slots_.get_allocator());
    const size_t mask = bigger.size() - 1;
    for (const Slot& slot : slots_) {
      if (slot.number == 0) continue;
      size_t i = slot.hash & mask;
      while (bigger[i].number != 0) i = (i + 1) & mask;
      bigger[i] = slot;
    }
    slots_ = std::move(bigger);
  }

  std::pmr::vector<Entry> entries_;
  std::pmr::vector<Slot> slots_;
};

}  // namespace btfd::engine

#endif  // BTFD_LIB_ENGINE_LOOKUP_H_
