// SPDX-License-Identifier: Apache-2.0
#include "lib/config/config_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <map>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/process.h"

namespace btfd::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

Lookup In(std::map<std::string, std::string> texts) {
  return [texts](absl::string_view name) -> std::optional<std::string> {
    const auto found = texts.find(std::string(name));
    if (found == texts.end()) return std::nullopt;
    return found->second;
  };
}

TEST(ConfigFile, HasNamesValuesAndComments) {
  const ConfigFile file = ParseConfigFile(
      "# a comment\n\n  profile=7.3 # another\r\nserver = a=b\nempty =", "f");
  EXPECT_THAT(file.complaints, IsEmpty());
  ASSERT_THAT(file.lines, SizeIs(3));
  EXPECT_EQ(file.lines[0].name, "profile");
  EXPECT_EQ(file.lines[0].value, "7.3");
  EXPECT_EQ(file.lines[0].place, "f:3");
  EXPECT_EQ(file.lines[1].value, "a=b");
  EXPECT_EQ(file.lines[2].value, "");
  EXPECT_EQ(file.lines[2].place, "f:5");
}

TEST(ConfigFile, OtherLinesAreNamedAndTheRestCounts) {
  const ConfigFile file = ParseConfigFile("threads 3\n= 4\nx = 1\n", "f");
  EXPECT_THAT(file.complaints, ElementsAre("f:1: not `name = value`: threads 3",
                                           "f:2: not `name = value`: = 4"));
  EXPECT_THAT(file.lines, SizeIs(1));
}

class ReadConfigFileTest : public ::testing::Test {
 protected:
  const tests::ScratchDir directory_;
  const std::string path_ = directory_.file("btfc.conf");
};

TEST_F(ReadConfigFileTest, CountsAsAbsentIfItCannotBeRead) {
  EXPECT_THAT(ReadConfigFile(path_).complaints, IsEmpty());
  ASSERT_EQ(symlink(path_.c_str(), path_.c_str()), 0);
  EXPECT_THAT(ReadConfigFile(path_).complaints, IsEmpty());
  EXPECT_THAT(ReadConfigFile(path_ + "/below").complaints, IsEmpty());
  EXPECT_THAT(ReadConfigFile(directory_.path()).complaints, IsEmpty());
}

TEST_F(ReadConfigFileTest, DoesNotWaitForTheWriterOfAFifo) {
  ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
  EXPECT_THAT(ReadConfigFile(path_).lines, IsEmpty());
}

TEST_F(ReadConfigFileTest, OfAnotherUserIsNotUsed) {
  tests::WriteFile(path_, "profile = 7.3\n");
  EXPECT_THAT(ReadConfigFile(path_).lines, SizeIs(1));
  ASSERT_EQ(geteuid(), 0u) << "only root can give a file away";
  ASSERT_EQ(chown(path_.c_str(), 12345, 12345), 0);
  const ConfigFile file = ReadConfigFile(path_);
  EXPECT_THAT(file.lines, IsEmpty());
  EXPECT_THAT(file.complaints,
              ElementsAre(path_ + ": belongs to uid 12345; it is not used"));
}

TEST_F(ReadConfigFileTest, ANamedOneMustBeThere) {
  const auto file = ReadNamedConfigFile(path_);
  EXPECT_EQ(file.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(file.status().message()), HasSubstr(path_));
}

TEST(ConfigDirectories, FollowTheEnvironment) {
  EXPECT_EQ(SystemDirectory(In({})), "/etc/btfd");
  EXPECT_EQ(SystemDirectory(In({{"BTFD_SYSTEM_CONFIG_DIR", "/x"}})), "/x");
  EXPECT_EQ(UserDirectory(In({}), "/home/u"), "/home/u/.config/btfd");
  EXPECT_EQ(UserDirectory(In({}), ""), "");
  EXPECT_EQ(UserDirectory(In({{"XDG_CONFIG_HOME", "c"}}), "/home/u"),
            "/home/u/.config/btfd")
      << "only an absolute path counts";
  EXPECT_EQ(UserDirectory(In({{"XDG_CONFIG_HOME", "/c"}}), ""), "/c/btfd");
}

TEST(Similar, IsTheNearestKnownName) {
  const std::vector<std::string> known = {"thread", "threads", "listen"};
  EXPECT_EQ(Similar("threds", known), "; similar: threads");
  EXPECT_EQ(Similar("xyzzy", known), "");
  EXPECT_EQ(UnknownName({"lisen", "1", "f:7"}, known),
            "f:7: no setting is called lisen; similar: listen");
}

TEST(Switch, HasFourPairsOfWords) {
  for (const char* word : {"1", "true", "yes", "on"}) {
    EXPECT_TRUE(ParseSwitch(word).value());
  }
  for (const char* word : {"0", "false", "no", "off"}) {
    EXPECT_FALSE(ParseSwitch(word).value());
  }
  EXPECT_EQ(ParseSwitch("maybe").status().message(),
            "must be 1 or 0, true or false");
}

}  // namespace
}  // namespace btfd::config
