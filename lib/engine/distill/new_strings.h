// SPDX-License-Identifier: Apache-2.0
//
// The strings of the two BTFs that distilling makes: those of the new base and,
// behind them, those of the split over it. Each text has one offset.
//
// First the split's strings are numbered, then those of the base are added, and
// at last the numbers get their offsets, in their order: most texts lie all
// over the old base, and so have time to get into the cache.
#ifndef BTFD_LIB_ENGINE_DISTILL_NEW_STRINGS_H_
#define BTFD_LIB_ENGINE_DISTILL_NEW_STRINGS_H_

#include <cstdint>
#include <memory_resource>
#include <string>
#include <vector>

#include "lib/btf/btf.h"
#include "lib/util/probe_map.h"

namespace btfd::engine {

class NewStrings {
 public:
  explicit NewStrings(const btf::Btf& source);

  // Stands for the text at an old offset until AddNumbered(): 0 for offset 0,
  // else counted from 1 in the order of first calls.
  uint32_t Number(uint32_t offset) {
    if (offset == 0) return 0;
    uint32_t& number =
        offset < base_len_ ? from_base_[offset] : own_[offset - base_len_];
    if (number == 0) {
      number = static_cast<uint32_t>(numbered_.size());
      numbered_.push_back(offset);
    }
    return number;
  }

  // To be called between the last Number() and the first text; at most
  // `base_texts` will be added to the base.
  void Reserve(size_t base_texts);
  // Adds the text at an old offset to the new base's strings, unless it is
  // there, and returns its new offset; 0 for an empty text.
  uint32_t AddToBase(uint32_t offset) { return Add(offset); }
  // Adds all numbered texts that are new to the split's strings.
  void AddNumbered();
  // The new offset of a numbered text.
  uint32_t NewOffset(uint32_t number) const { return numbered_[number]; }

  // Both sections, each when it is complete.
  std::pmr::string BaseSection() const {
    return {bytes_.data(), used_, bytes_.get_allocator()};
  }
  std::pmr::string SplitSection() const {
    return {bytes_.data() + base_size_, used_ - base_size_,
            bytes_.get_allocator()};
  }

 private:
  struct Slot {
    uint32_t hash = 0;
    uint32_t offset = 0;  // 0: empty
  };

  uint32_t Add(uint32_t old_offset);

  const btf::Btf& source_;
  const uint32_t base_len_;
  const uint64_t secret_;  // so that nobody can make texts that meet in slots_
  std::pmr::vector<uint32_t> own_;  // numbers, by own offset
  util::ProbeMap<uint32_t, uint32_t>
      from_base_;  // numbers, by the base's offset
  // By number; old offsets, and new ones from AddNumbered() on.
  std::pmr::vector<uint32_t> numbered_;
  // Both sections back to back, so that an index is a new offset. Longer than
  // what is used of it. It starts with the base's empty string.
  std::pmr::vector<char> bytes_;
  uint32_t used_ = 1;
  uint32_t base_size_ = 0;
  std::pmr::vector<Slot> slots_;  // new offsets, by text
};

}  // namespace btfd::engine

#endif  // BTFD_LIB_ENGINE_DISTILL_NEW_STRINGS_H_
