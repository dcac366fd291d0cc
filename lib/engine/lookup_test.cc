// SPDX-License-Identifier: Apache-2.0
#include "lib/engine/lookup.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "lib/util/arena.h"

namespace btfd::engine {
namespace {

TEST(TextTable, TheFirstInsertionOfATextWins) {
  util::Arena arena;
  TextTable table(&arena, 4);
  const std::string text = "task_struct", same = "task_struct";
  EXPECT_EQ(table.Insert(text, 7), std::make_pair(uint32_t{7}, true));
  EXPECT_EQ(table.Insert(same, 8), std::make_pair(uint32_t{7}, false));
  ASSERT_NE(table.Find(same), nullptr);
  EXPECT_EQ(*table.Find(same), 7u);
}

TEST(TextTable, BeginningsAndEndsAreOtherTexts) {
  util::Arena arena;
  TextTable table(&arena, 4);
  table.Insert("abc", 1);
  EXPECT_EQ(table.Find("ab"), nullptr);
  EXPECT_EQ(table.Find("abcd"), nullptr);
  EXPECT_EQ(table.Find(""), nullptr);
  EXPECT_TRUE(table.Insert("", 2).second);
  EXPECT_EQ(*table.Find(""), 2u);
}

TEST(TextTable, GrowsBeyondWhatWasExpected) {
  util::Arena arena;
  TextTable table(&arena, 2);
  std::vector<std::string> texts;
  for (uint32_t i = 0; i < 5000; ++i) texts.push_back(absl::StrCat("name", i));
  for (uint32_t i = 0; i < texts.size(); ++i) {
    ASSERT_TRUE(table.Insert(texts[i], i).second) << texts[i];
  }
  for (uint32_t i = 0; i < texts.size(); ++i) {
    ASSERT_NE(table.Find(texts[i]), nullptr);
    ASSERT_EQ(*table.Find(texts[i]), i);
  }
  EXPECT_EQ(table.Find("name5000"), nullptr);
}

}  // namespace
}  // namespace btfd::engine
