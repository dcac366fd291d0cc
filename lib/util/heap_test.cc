// SPDX-License-Identifier: Apache-2.0
#include "lib/util/heap.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

namespace btfd::util {
namespace {

constexpr size_t kPiece = 100 << 10;
constexpr size_t kPieces = 80;  // 8 MB
constexpr uintptr_t kHugePage = 2 << 20;

long MinorFaults() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_minflt;
}

// Takes 8 MB in pieces, writes to all of it, and gives it back.
void Work() {
  std::vector<std::unique_ptr<char[]>> pieces;
  for (size_t i = 0; i < kPieces; ++i) {
    pieces.emplace_back(new char[kPiece]);
    memset(pieces.back().get(), 1, kPiece);
  }
}

// Each in a process of its own: nothing undoes what PrepareHeap() does.
TEST(PrepareHeapDeathTest, KeepsWhatIsFreed) {
  EXPECT_EXIT(
      {
        PrepareHeap();
        Work();
        const long before = MinorFaults();
        Work();
        _exit(MinorFaults() - before < 20 ? 0 : 1);
      },
      ::testing::ExitedWithCode(0), "");
}

TEST(PrepareHeapDeathTest, PiecesBeginOnAHugePage) {
  EXPECT_EXIT(
      {
        PrepareHeap();
        const uintptr_t first = reinterpret_cast<uintptr_t>(new char[kPiece]);
        _exit(first % kHugePage < 4096 || first % kHugePage > kHugePage - 4096
                  ? 0
                  : 1);
      },
      ::testing::ExitedWithCode(0), "");
}

TEST(PrepareHeapDeathTest, LeavesALimitedProcessAlone) {
  EXPECT_EXIT(
      {
        rlimit limit;
        getrlimit(RLIMIT_DATA, &limit);
        limit.rlim_cur = size_t{1} << 40;
        setrlimit(RLIMIT_DATA, &limit);
        void* const before = sbrk(0);
        PrepareHeap();
        _exit(sbrk(0) == before ? 0 : 1);
      },
      ::testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace btfd::util
