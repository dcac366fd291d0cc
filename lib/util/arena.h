// SPDX-License-Identifier: Apache-2.0
//
// The memory of one request: a bump allocator behind std::pmr. Deallocation is
// a no-op, but for large pieces, which only the largest modules have: these are
// given back to the system, and are on huge pages. (All pieces of amdgpu's
// finalization come to 90 MB, of which it never uses half at one time. Tried:
// 2 MB as the bound, which saves 20 MB more and takes a tenth longer.) Reset()
// takes everything back at once and keeps the memory for the worker's next
// request. Not thread-safe: one worker, one arena.
#ifndef BTFD_LIB_UTIL_ARENA_H_
#define BTFD_LIB_UTIL_ARENA_H_

#include <cstddef>
#include <memory>
#include <memory_resource>
#include <vector>

#include "lib/util/pages.h"

namespace btfd::util {

class Arena final : public std::pmr::memory_resource {
 public:
  // Reset() keeps at most this much and gives the rest back to the system, so
  // that one huge module does not hold its memory for ever.
  static constexpr size_t kKeptBytes = size_t{8} << 20;
  // From here on AllocatePages() takes huge pages.
  static constexpr size_t kLargePiece = size_t{4} << 20;

  Arena() = default;
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  // Frees everything that was allocated so far.
  void Reset();
  // The same, but keeps no memory.
  void GiveBack();
  // Bytes taken from the system, used or not.
  size_t reserved() const { return reserved_; }

 private:
  struct Block {
    Pages bytes;
    size_t size;
  };

  void* do_allocate(size_t bytes, size_t alignment) override;
  void do_deallocate(void* piece, size_t bytes, size_t alignment) override;
  bool do_is_equal(const memory_resource& other) const noexcept override {
    return this == &other;
  }

  std::vector<Block> blocks_;
  std::vector<Block> large_;  // pieces of kLargePiece bytes and more
  size_t current_ = 0;        // index of the block in use
  size_t used_ = 0;           // bytes of it handed out
  size_t reserved_ = 0;
};

}  // namespace btfd::util

#endif  // BTFD_LIB_UTIL_ARENA_H_
