// SPDX-License-Identifier: Apache-2.0
//
// Large runs of memory, on huge pages where the kernel has them: an index is
// looked up at random places, and each look-up on a small page of its own costs
// a walk through the page table.
#ifndef BTFD_LIB_UTIL_PAGES_H_
#define BTFD_LIB_UTIL_PAGES_H_

#include <sys/mman.h>

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>

namespace btfd::util {

struct FreePages {
  void operator()(char* bytes) const { std::free(bytes); }
};
// Uninitialized, 8-byte aligned or better.
using Pages = std::unique_ptr<char, FreePages>;

inline Pages AllocatePages(size_t size) {
  constexpr size_t kHugePage = size_t{2} << 20;
  // Below that the rounding would waste more than it saves.
  const bool huge = size >= 2 * kHugePage;
  const size_t rounded = (size + kHugePage - 1) & ~(kHugePage - 1);
  void* bytes = huge ? std::aligned_alloc(kHugePage, rounded)
                     : std::malloc(size == 0 ? 1 : size);
  if (bytes == nullptr) throw std::bad_alloc();
  // Advice: without huge pages all is well, only slower.
  if (huge) static_cast<void>(madvise(bytes, rounded, MADV_HUGEPAGE));
  return Pages(static_cast<char*>(bytes));
}

// Zeroed ones: what is not touched takes no memory.
inline Pages AllocateZeroPages(size_t size) {
  void* bytes = std::calloc(size == 0 ? 1 : size, 1);
  if (bytes == nullptr) throw std::bad_alloc();
  return Pages(static_cast<char*>(bytes));
}

}  // namespace btfd::util

#endif  // BTFD_LIB_UTIL_PAGES_H_
