// SPDX-License-Identifier: Apache-2.0
#include "lib/util/heap.h"

#include <malloc.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <climits>
#include <cstdint>
#include <cstdlib>

namespace btfd::util {

namespace {

// Encoding nf_conntrack takes 6 MB, xfs 30 MB.
constexpr size_t kRoom = size_t{64} << 20;
constexpr size_t kHugePage = size_t{2} << 20;
// What is larger is a mapping of its own, and leaves no hole when it is freed.
// More than any piece that was freed so far.
constexpr size_t kSmall = 256 << 10;
constexpr size_t kGap = 128;
constexpr int kLargestPiece = 1 << 20;

bool IsLimited(__rlimit_resource resource) {
  rlimit limit;
  return getrlimit(resource, &limit) != 0 || limit.rlim_cur != RLIM_INFINITY;
}

}  // namespace

void PrepareHeap() {
  if (IsLimited(RLIMIT_AS) || IsLimited(RLIMIT_DATA)) return;
  // Other threads take from the same heap.
  mallopt(M_ARENA_MAX, 1);
  mallopt(M_MMAP_THRESHOLD, kLargestPiece);
  mallopt(M_TRIM_THRESHOLD, INT_MAX);
  // The next piece takes the heap's end along by so much.
  mallopt(M_TOP_PAD, static_cast<int>(kRoom + 2 * kHugePage));
  // Later pieces shall begin on a huge page that nothing has touched. The
  // allocator writes a word behind the last piece, which must lie before it. So
  // all up to there is taken, for good, and takes no memory.
  void* const probe = malloc(kSmall);
  if (probe == nullptr) return;
  const uintptr_t free_from =
      reinterpret_cast<uintptr_t>(probe) + malloc_usable_size(probe);
  const uintptr_t first =
      (free_from + 2 * kGap + kHugePage - 1) / kHugePage * kHugePage;
  if (malloc(first - free_from - kGap) == nullptr) return;
  mallopt(M_TOP_PAD, static_cast<int>(kHugePage));
  const uintptr_t end = reinterpret_cast<uintptr_t>(sbrk(0));
  const uintptr_t last = end / kHugePage * kHugePage;
  // This is only advice: without huge pages everything works, but more slowly.
  if (first < last) {
    static_cast<void>(
        madvise(reinterpret_cast<void*>(first), last - first, MADV_HUGEPAGE));
  }
}

}  // namespace btfd::util
