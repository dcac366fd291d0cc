// SPDX-License-Identifier: Apache-2.0
#include "lib/util/arena.h"

#include <algorithm>
#include <cstdint>

namespace btfd::util {

namespace {
constexpr size_t kFirstBlock = size_t{256} << 10;
}  // namespace

void* Arena::do_allocate(size_t bytes, size_t alignment) {
  if (bytes >= kLargePiece && alignment <= alignof(std::max_align_t)) {
    large_.push_back({AllocatePages(bytes), bytes});
    reserved_ += bytes;
    return large_.back().bytes.get();
  }
  while (current_ < blocks_.size()) {
    Block& block = blocks_[current_];
    const uintptr_t start = reinterpret_cast<uintptr_t>(block.bytes.get());
    const uintptr_t aligned =
        (start + used_ + alignment - 1) & ~(uintptr_t{alignment} - 1);
    const size_t offset = aligned - start;
    if (offset <= block.size && bytes <= block.size - offset) {
      used_ = offset + bytes;
      return reinterpret_cast<void*>(aligned);
    }
    ++current_;
    used_ = 0;
  }
  // Doubling keeps the number of blocks small whatever the request weighs.
  const size_t doubled =
      blocks_.empty() ? kFirstBlock : blocks_.back().size * 2;
  const size_t size = std::max(doubled, bytes + alignment);
  blocks_.push_back({AllocatePages(size), size});
  reserved_ += size;
  used_ = 0;
  return do_allocate(bytes, alignment);
}

void Arena::do_deallocate(void* piece, size_t bytes, size_t) {
  if (bytes < kLargePiece) return;
  // There are some dozens, and what came last is freed first, mostly.
  for (size_t i = large_.size(); i-- > 0;) {
    if (large_[i].bytes.get() != piece) continue;
    reserved_ -= large_[i].size;
    large_.erase(large_.begin() + i);
    return;
  }
}

void Arena::Reset() {
  for (const Block& piece : large_) reserved_ -= piece.size;
  large_.clear();
  // Whatever fits; the blocks are in ascending order of size.
  while (!blocks_.empty() && reserved_ > kKeptBytes) {
    reserved_ -= blocks_.back().size;
    blocks_.pop_back();
  }
  current_ = 0;
  used_ = 0;
}

void Arena::GiveBack() {
  blocks_.clear();
  reserved_ = 0;
  Reset();
}

}  // namespace btfd::util
