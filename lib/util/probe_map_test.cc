// SPDX-License-Identifier: Apache-2.0
#include "lib/util/probe_map.h"

#include <cstdint>
#include <map>
#include <random>
#include <vector>

#include "gtest/gtest.h"
#include "lib/util/arena.h"

namespace btfd::util {
namespace {

TEST(ProbeMap, HoldsWhatAStdMapHolds) {
  Arena arena;
  ProbeMap<uint32_t, uint32_t> map(&arena);
  std::map<uint32_t, uint32_t> expected;
  std::mt19937 random(1);
  for (int i = 0; i < 20000; ++i) {
    const uint32_t key = 1 + random() % 5000;
    ++map[key];
    ++expected[key];
  }
  for (uint32_t key = 1; key <= 5001; ++key) {
    const uint32_t* value = map.Find(key);
    const auto found = expected.find(key);
    ASSERT_EQ(value != nullptr, found != expected.end()) << key;
    if (value != nullptr) {
      EXPECT_EQ(*value, found->second) << key;
    }
  }
}

TEST(ProbeMap, AnEmptyOneFindsNothing) {
  Arena arena;
  const ProbeMap<uint64_t, int> map(&arena);
  EXPECT_TRUE(map.empty());
  EXPECT_EQ(map.Find(1), nullptr);
  EXPECT_EQ(map.Find(UINT64_MAX), nullptr);
}

TEST(ProbeMap, ExpectedKeysFitWithoutMovingTheFirst) {
  Arena arena;
  ProbeMap<uint32_t, int> map(&arena, 1000);
  const int* const first = &map[1];
  for (uint32_t key = 2; key <= 1000; ++key) map[key] = 1;
  EXPECT_EQ(map.Find(1), first);
}

TEST(ProbeMap, CountsTheSlotsInTheWay) {
  Arena arena;
  // 2^32 apart in the product's upper half: all start at one slot of 64.
  ProbeMap<uint64_t, int> map(&arena, 30);
  uint64_t passed = 0;
  std::vector<uint64_t> keys;
  for (uint64_t key = 1; keys.size() < 5; ++key) {
    if ((key * 0x9e3779b97f4a7c15u >> 32 & 63) == 0) keys.push_back(key);
  }
  for (const uint64_t key : keys) map.At(key, &passed) = 1;
  EXPECT_EQ(passed, 0u + 1 + 2 + 3 + 4);
  passed = 0;
  EXPECT_NE(map.Find(keys[4], &passed), nullptr);
  EXPECT_EQ(passed, 4u);
}

TEST(ProbeMap, ClearForgetsEverything) {
  Arena arena;
  ProbeMap<uint32_t, int> map(&arena);
  for (uint32_t key = 1; key < 100; ++key) map[key] = 7;
  map.Clear(10);
  EXPECT_TRUE(map.empty());
  for (uint32_t key = 1; key < 100; ++key) EXPECT_EQ(map.Find(key), nullptr);
  EXPECT_EQ(map[5], 0);
}

}  // namespace
}  // namespace btfd::util
