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
  CommandLineTest() : page_(MakePage()), line_(page_) {
    line_.Flag("flag", &flag_);
    line_.Value("value", &value_);
    line_.List("item", &items_);
    line_.PlacedList("of", &placed_);
  }
  static manual::Page MakePage() {
    manual::Page page;
    page.program = "btfc test";
    page.usage = {"btfc test"};
    page.options = {{"flag", 'f', "", "a flag"},
                    {"value", 'v', "N", "a value"},
                    {"item", 'i', "N", "values"},
                    {"of", 0, "N", "values with a place"},
                    {"else", 0, "", "", {}, false, /*parsed_elsewhere=*/true}};
    return page;
  }
  std::optional<int> Parse(const std::vector<std::string>& arguments) {
    return line_.Parse(arguments, &rest_);
  }

  const manual::Page page_;
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

TEST_F(CommandLineTest, TakesTheOptionsOfItsPageAlone) {
  line_.Flag("more", &flag_);
  EXPECT_EQ(Parse({"a"}), kExitWrongCall) << "it is not in the page";
  CommandLine less(page_);
  EXPECT_EQ(less.Parse({"a"}, &rest_), kExitWrongCall) << "nothing takes them";
  CommandLine other(page_);
  other.Flag("flag", &flag_);
  other.Flag("value", &flag_);
  other.List("item", &items_);
  other.PlacedList("of", &placed_);
  EXPECT_EQ(other.Parse({"a"}, &rest_), kExitWrongCall) << "it has a value";
}

}  // namespace
}  // namespace btfd::client
