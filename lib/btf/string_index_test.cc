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

}  // namespace
}  // namespace btfd::btf
