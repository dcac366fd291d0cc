// SPDX-License-Identifier: Apache-2.0
#include "lib/btf/string_index.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory_resource>
#include <optional>
#include <random>
#include <string>

#include "lib/btf/string_hash.h"

namespace btfd::btf {
namespace {

TEST(CountStrings, CountsEveryNulWhateverStandsAroundIt) {
  std::mt19937 random(1);
  for (int i = 0; i < 2000; ++i) {
    std::string section(random() % 5000, 'x');
    for (char& c : section) {
      if (random() % 3 == 0)
        c = static_cast<char>(random() % 4 == 0 ? 0x80 : 0);
    }
    EXPECT_EQ(CountStrings(section),
              static_cast<uint64_t>(
                  std::count(section.begin(), section.end(), '\0')));
  }
}

TEST(StringIndex, FindsTheFirstOfEqualStrings) {
  const absl::string_view section("a\0bc\0a\0\0", 8);
  StringIndex index(std::pmr::new_delete_resource());
  index.Build(section);
  EXPECT_EQ(index.Find(section, "a", HashString("a")), 0u);
  EXPECT_EQ(index.Find(section, "bc", HashString("bc")), 2u);
  EXPECT_EQ(index.Find(section, "", HashString("")), 7u);
  EXPECT_EQ(index.Find(section, "c", HashString("c")), std::nullopt);
}

TEST(StringIndex, KeepsUpWithASectionThatGrows) {
  std::string section;
  StringIndex index(std::pmr::new_delete_resource());
  index.Build(section);
  for (int i = 0; i < 5000; ++i) {
    const std::string text = std::to_string(i * 7919);
    const auto offset = static_cast<uint32_t>(section.size());
    EXPECT_EQ(index.Find(section, text, HashString(text)), std::nullopt);
    section += text;
    section.push_back('\0');
    index.Add(section, offset, HashString(text));
    EXPECT_EQ(index.Find(section, text, HashString(text)), offset);
  }
}

// A text of 32 bytes. Its first 8 bytes equal XXH3's default secret. XXH3
// multiplies their XOR, which is 0, with the next 8 bytes, so these do not
// change the hash.
std::string CollidingText(int i) {
  std::string text("\xb8\xfe\x6c\x39\x23\xa4\x4b\xbe", 8);
  for (int digit = 0; digit < 8; ++digit, i /= 64) {
    text.push_back(static_cast<char>('0' + i % 64));
  }
  return text + "0123456789abcdef";
}

TEST(StringIndex, IsRightWhereAllTextsHaveOneHash) {
  constexpr int kTexts = 5000;
  std::string section;
  StringIndex grown(std::pmr::new_delete_resource());
  grown.Build(section);
  for (int i = 0; i < kTexts; ++i) {
    const std::string text = CollidingText(i);
    ASSERT_EQ(HashString(text), HashString(CollidingText(0)));
    const auto offset = static_cast<uint32_t>(section.size());
    section += text;
    section.push_back('\0');
    grown.Add(section, offset, HashString(text));
  }
  StringIndex built(std::pmr::new_delete_resource());
  built.Build(section);
  for (int i = 0; i < kTexts; ++i) {
    const std::string text = CollidingText(i);
    EXPECT_EQ(grown.Find(section, text, HashString(text)), 33 * i);
    EXPECT_EQ(built.Find(section, text, HashString(text)), 33 * i);
  }
  const std::string missing = CollidingText(kTexts);
  EXPECT_EQ(built.Find(section, missing, HashString(missing)), std::nullopt);
}

TEST(HasLongTexts, TellsByWindows) {
  const std::string shorter = std::string(14, 'x') + '\0';
  std::string section;
  for (int i = 0; i < 100; ++i) section += shorter;
  EXPECT_FALSE(HasLongTexts(section, 16));
  EXPECT_TRUE(HasLongTexts(section + std::string(31, 'x') + '\0', 16));
  EXPECT_FALSE(HasLongTexts("", 16));
}

}  // namespace
}  // namespace btfd::btf
