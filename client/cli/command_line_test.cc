// SPDX-License-Identifier: Apache-2.0
#include "client/cli/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

namespace btfd::client {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

class CommandLineTest : public ::testing::Test {
 protected:
  CommandLineTest() : line_("btfc test", "usage: btfc test\n") {
    line_.Flag("flag", 'f', &flag_);
    line_.Value("value", 'v', &value_);
    line_.List("item", 'i', &items_);
    line_.PlacedList("of", 0, &placed_);
  }
  std::optional<int> Parse(const std::vector<std::string>& arguments) {
    return line_.Parse(arguments, &rest_);
  }

  CommandLine line_;
  bool flag_ = false;
  std::string value_;
  std::vector<std::string> items_;
  CommandLine::PlacedValues placed_;
  std::vector<std::string> rest_;
};

TEST_F(CommandLineTest, OptionsMayStandBetweenArguments) {
  EXPECT_EQ(Parse({"a", "-f", "b", "--value=1", "-i", "x", "c", "--item", "y"}),
            std::nullopt);
  EXPECT_TRUE(flag_);
  EXPECT_EQ(value_, "1");
  EXPECT_THAT(items_, ElementsAre("x", "y"));
  EXPECT_THAT(rest_, ElementsAre("a", "b", "c"));
}

TEST_F(CommandLineTest, NothingBehindTwoDashesIsAnOption) {
  EXPECT_EQ(Parse({"a", "--", "-f", "--of", "--"}), std::nullopt);
  EXPECT_FALSE(flag_);
  EXPECT_THAT(placed_, IsEmpty());
  EXPECT_THAT(rest_, ElementsAre("a", "-f", "--of", "--"));
}

TEST_F(CommandLineTest, PlacedValuesKnowTheArgumentsBeforeThem) {
  EXPECT_EQ(Parse({"--of", "x", "a", "-v", "1", "--of=y", "b", "--of", "z"}),
            std::nullopt);
  EXPECT_THAT(placed_, ElementsAre(Pair(0, "x"), Pair(1, "y"), Pair(2, "z")));
  EXPECT_THAT(rest_, ElementsAre("a", "b"));
}

TEST_F(CommandLineTest, ParsingAnewForgetsTheArguments) {
  EXPECT_EQ(Parse({"a"}), std::nullopt);
  EXPECT_EQ(Parse({"b", "-"}), std::nullopt);
  EXPECT_THAT(rest_, ElementsAre("b", "-"));
}

TEST_F(CommandLineTest, HelpAndWrongOptionsEndTheCommand) {
  EXPECT_EQ(Parse({"a", "--help"}), 0);
  EXPECT_EQ(Parse({"-h"}), 0);
  EXPECT_EQ(Parse({"--none"}), kExitWrongCall);
  EXPECT_EQ(Parse({"--of"}), kExitWrongCall);
}

}  // namespace
}  // namespace btfd::client
