// SPDX-License-Identifier: Apache-2.0
#include "lib/util/arena.h"

#include <cstdint>
#include <cstring>
#include <vector>

#include "gtest/gtest.h"

namespace btfd::util {
namespace {

constexpr size_t kMega = size_t{1} << 20;

// Written to, so that a sanitizer sees what is not ours.
char* Allocate(Arena* arena, size_t bytes, size_t alignment = 8) {
  void* piece = arena->allocate(bytes, alignment);
  return static_cast<char*>(std::memset(piece, 0x5a, bytes));
}

TEST(Arena, TakesNothingBeforeTheFirstAllocation) {
  EXPECT_EQ(Arena().reserved(), 0u);
}

TEST(Arena, AllocationsAreAlignedAndApart) {
  Arena arena;
  std::vector<char*> pieces;
  for (size_t i = 0; i < 1000; ++i) {
    const size_t alignment = size_t{1} << (i % 8);
    char* piece = Allocate(&arena, 1 + i % 37, alignment);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(piece) % alignment, 0u);
    std::memset(piece, static_cast<int>(i % 251), 1 + i % 37);
    pieces.push_back(piece);
  }
  for (size_t i = 0; i < pieces.size(); ++i) {
    for (size_t k = 0; k < 1 + i % 37; ++k) {
      ASSERT_EQ(pieces[i][k], static_cast<char>(i % 251)) << i;
    }
  }
}

TEST(Arena, OneAllocationMayBeLargerThanAnyBlock) {
  Arena arena;
  char* small = Allocate(&arena, 1, 1);
  char* large = Allocate(&arena, 5 * kMega, 4096);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(large) % 4096, 0u);
  *small = 1;
  EXPECT_EQ(*small, 1);
}

TEST(Arena, ResetReusesItsMemory) {
  Arena arena;
  const char* first = Allocate(&arena, 100, 8);
  Allocate(&arena, 3 * kMega, 8);
  const size_t reserved = arena.reserved();
  for (int request = 0; request < 10; ++request) {
    arena.Reset();
    EXPECT_EQ(Allocate(&arena, 100, 8), first);
    Allocate(&arena, 3 * kMega, 8);
    EXPECT_EQ(arena.reserved(), reserved);
  }
}

TEST(Arena, ResetGivesAHugeRequestsMemoryBack) {
  Arena arena;
  Allocate(&arena, 1000, 8);
  Allocate(&arena, 2 * Arena::kKeptBytes, 8);
  EXPECT_GT(arena.reserved(), Arena::kKeptBytes);
  arena.Reset();
  EXPECT_LE(arena.reserved(), Arena::kKeptBytes);
  Allocate(&arena, 1000);
}

TEST(Arena, ALargePieceIsGivenBackOnceItIsFreed) {
  Arena arena;
  Allocate(&arena, 1000);
  const size_t without = arena.reserved();
  char* first = Allocate(&arena, Arena::kLargePiece);
  char* second = Allocate(&arena, 2 * Arena::kLargePiece);
  EXPECT_EQ(arena.reserved(), without + 3 * Arena::kLargePiece);
  arena.deallocate(first, Arena::kLargePiece, 8);
  EXPECT_EQ(arena.reserved(), without + 2 * Arena::kLargePiece);
  std::memset(second, 1, 2 * Arena::kLargePiece);
  arena.Reset();
  EXPECT_EQ(arena.reserved(), without);
  // A vector that grows leaves its smaller selves behind.
  std::pmr::vector<char> growing(&arena);
  while (growing.size() < 16 * Arena::kLargePiece) growing.push_back(1);
  EXPECT_LT(arena.reserved(), growing.capacity() + 2 * Arena::kLargePiece);
}

TEST(Arena, ServesStandardContainers) {
  Arena arena;
  std::pmr::vector<uint64_t> numbers(&arena);
  for (uint64_t i = 0; i < 100000; ++i) numbers.push_back(i);
  for (uint64_t i = 0; i < 100000; ++i) ASSERT_EQ(numbers[i], i);
}

TEST(Arena, WhatIsGivenBackIsTakenAgain) {
  Arena arena;
  Allocate(&arena, 100, 8);
  arena.Reset();
  EXPECT_GT(arena.reserved(), 0u);
  arena.GiveBack();
  EXPECT_EQ(arena.reserved(), 0u);
  Allocate(&arena, 100, 8);
  EXPECT_GT(arena.reserved(), 0u);
}

}  // namespace
}  // namespace btfd::util
