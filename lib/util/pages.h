// SPDX-License-Identifier: Apache-2.0
//
// Large runs of memory, on huge pages if the kernel has them. An index is
// looked up at random places, and with small pages each look-up would cost a
// walk through the page table.
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
// Uninitialized, aligned to at least 8 bytes.
using Pages = std::unique_ptr<char, FreePages>;

inline Pages AllocatePages(size_t size) {
  constexpr size_t kHugePage = size_t{2} << 20;
  // For smaller sizes, rounding up would waste more than it saves.
  const bool huge = size >= 2 * kHugePage;
  const size_t rounded = (size + kHugePage - 1) & ~(kHugePage - 1);
  void* bytes = huge ? std::aligned_alloc(kHugePage, rounded)
                     : std::malloc(size == 0 ? 1 : size);
  if (bytes == nullptr) throw std::bad_alloc();
  // This is only advice: without huge pages everything works, but more slowly.
  if (huge) static_cast<void>(madvise(bytes, rounded, MADV_HUGEPAGE));
  return Pages(static_cast<char*>(bytes));
}

// Zeroed pages. Pages that are never touched take no memory.
inline Pages AllocateZeroPages(size_t size) {
  void* bytes = std::calloc(size == 0 ? 1 : size, 1);
  if (bytes == nullptr) throw std::bad_alloc();
  return Pages(static_cast<char*>(bytes));
}

}  // namespace btfd::util

#endif  // BTFD_LIB_UTIL_PAGES_H_
