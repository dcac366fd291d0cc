// SPDX-License-Identifier: Apache-2.0
#include "daemon/remote_cache/packed_index.h"

#include <cstring>
#include <functional>
#include <numeric>
#include <utility>

#include "absl/status/statusor.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace btfd::daemon::remote {
namespace {

using ::testing::HasSubstr;

constexpr uint64_t kMost = uint64_t{64} << 20;

absl::StatusOr<std::string> Unpack(const std::vector<std::string>& parts,
                                   uint64_t most = kMost) {
  IndexUnpacker unpacker(most);
  for (size_t i = parts.size(); i-- > 0;) {
    const absl::Status status = unpacker.Add(i, parts[i]);
    if (!status.ok()) return status;
  }
  return std::string(unpacker.Take().view());
}

// A table of words in which each is a little larger than the one before.
std::string Ascending(size_t bytes) {
  std::string table(bytes, 'x');
  for (uint32_t i = 0; i < bytes / 4; ++i) {
    const uint32_t word = 12 * i + i % 3;
    std::memcpy(&table[4 * i], &word, 4);
  }
  return table;
}

std::string Noise(size_t bytes) {
  std::string noise(bytes, '\0');
  uint64_t state = 1;
  for (char& c : noise) {
    state = state * 6364136223846793005 + 1442695040888963407;
    c = static_cast<char>(state >> 56);
  }
  return noise;
}

TEST(PackedIndex, ComesBackAsItWasWhateverItsSize) {
  for (const size_t size : {0, 1, 3, 4, 1000, 131'071, 131'072, 131'073,
                            524'288, 524'289, 3'000'001}) {
    for (const std::string& index :
         {Ascending(size), Noise(size), std::string(size, 'a')}) {
      const auto parts = PackIndex(index);
      ASSERT_EQ(parts.size(), kPackedParts);
      const auto unpacked = Unpack(parts);
      ASSERT_TRUE(unpacked.ok()) << unpacked.status();
      EXPECT_EQ(*unpacked, index) << size;
    }
  }
}

size_t PackedSize(const std::string& index) {
  const auto parts = PackIndex(index);
  return std::accumulate(
      parts.begin(), parts.end(), size_t{0},
      [](size_t sum, const std::string& part) { return sum + part.size(); });
}

TEST(PackedIndex, TextAndTablesShrinkAndNoiseDoesNotGrow) {
  EXPECT_LT(PackedSize(std::string(1'000'000, 'a')), 10'000);
  EXPECT_LT(PackedSize(Ascending(1'000'000)), 100'000);
  EXPECT_LT(PackedSize(Noise(1'000'000)), 1'000'200);
}

TEST(PackedIndex, TheSameIndexIsPackedIntoTheSameBytes) {
  EXPECT_EQ(PackIndex(Ascending(700'000)), PackIndex(Ascending(700'000)));
}

// Spoils one of an index's parts, and expects a DataLoss with these words.
void ExpectDefect(const std::function<void(std::string*)>& spoil,
                  const std::string& words, uint64_t most = kMost) {
  auto parts = PackIndex(Ascending(1'000'000));
  spoil(&parts[1]);
  const auto unpacked = Unpack(parts, most);
  EXPECT_EQ(unpacked.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(unpacked.status().message(), HasSubstr(words));
}

TEST(PackedIndex, WhatIsNoPartIsNamed) {
  ExpectDefect([](std::string* part) { part->clear(); }, "wrong magic");
  ExpectDefect([](std::string* part) { (*part)[0] ^= 1; }, "wrong magic");
  ExpectDefect([](std::string* part) { (*part)[4] ^= 2; }, "version 3, not 1");
  ExpectDefect([](std::string* part) { (*part)[8] ^= 1; },
               "parts of 1000000 and 1000001 bytes");
  ExpectDefect([](std::string* part) { (*part)[15] = 1; }, "at most 67108864");
  ExpectDefect([](std::string* part) { (*part)[19] = 9; }, "unknown packing 9");
  ExpectDefect([](std::string* part) { (*part)[18] = 1; }, "bytes where");
  ExpectDefect([](std::string* part) { (*part)[19] = 0; }, "of another size");
  ExpectDefect([](std::string* part) { part->resize(16); },
               "ends before its last block");
  ExpectDefect([](std::string* part) { part->append("x"); },
               "goes on after its last block");
  ExpectDefect([](std::string* part) { part->replace(20, 300, 300, '\xff'); },
               "LZ4 does not unpack");
}

TEST(PackedIndex, MoreThanIsTakenIsNotTaken) {
  ExpectDefect([](std::string*) {}, "has 1000000 bytes; at most 999999",
               999'999);
}

// Changes bytes at the start of a part, which must give an error or an index.
// Cuts a part short at many places, which must give an error.
TEST(PackedIndex, NoSpoiledPartLeadsAstray) {
  const auto good = PackIndex(Ascending(600'000));
  for (size_t at = 0; at < 40; ++at) {
    for (const int value : {0, 1, 2, 127, 255}) {
      auto parts = good;
      parts[0][at] = static_cast<char>(value);
      static_cast<void>(Unpack(parts).status());
    }
  }
  for (size_t cut = 1; cut < good[0].size(); cut += 97) {
    auto parts = good;
    parts[0].resize(parts[0].size() - cut);
    EXPECT_FALSE(Unpack(parts).ok());
  }
}

}  // namespace
}  // namespace btfd::daemon::remote
