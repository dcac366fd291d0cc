// SPDX-License-Identifier: Apache-2.0
#include "client/cli/settings.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "client/cli/environment.h"
#include "client/testing/testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace btfd::client {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class SettingsTest : public ::testing::Test {
 protected:
  SettingsTest() {
    std::filesystem::create_directories(system_);
    std::filesystem::create_directories(users_ + "/btfd");
    variables_ = {{"BTFD_SYSTEM_CONFIG_DIR", system_},
                  {"XDG_CONFIG_HOME", users_}};
  }

  Settings Read() const {
    return Settings::Read(
        [this](absl::string_view name) -> std::optional<std::string> {
          const auto found = variables_.find(std::string(name));
          if (found == variables_.end()) return std::nullopt;
          return found->second;
        });
  }

  const std::string directory_ = testing::FreshDirectory();
  const std::string system_ = directory_ + "/etc";
  const std::string users_ = directory_ + "/config";
  const std::string of_system_ = system_ + "/btfc.conf";
  const std::string of_user_ = users_ + "/btfd/btfc.conf";
  std::map<std::string, std::string> variables_;
};

TEST_F(SettingsTest, NothingIsSetWhereThereAreNoFiles) {
  const Settings settings = Read();
  EXPECT_EQ(settings.Text("profile"), "");
  EXPECT_EQ(settings.Get("profile").source, SettingSource::kDefault);
  EXPECT_FALSE(settings.IsOn("require", false));
  EXPECT_TRUE(settings.IsOn("result_cache", true));
  EXPECT_THAT(settings.complaints(), IsEmpty());
}

TEST_F(SettingsTest, EnvironmentBeatsUserBeatsSystem) {
  testing::WriteFile(of_system_,
                     "profile = 7.0\nencoder = native\nrequire = yes\n");
  testing::WriteFile(of_user_, "\nprofile = 7.2\nencoder = pahole\n");
  variables_["BTFD_PROFILE"] = "7.3";
  const Settings settings = Read();
  EXPECT_EQ(settings.Get("profile").text, "7.3");
  EXPECT_EQ(settings.Get("profile").place, "BTFD_PROFILE");
  EXPECT_EQ(settings.Get("encoder").text, "pahole");
  EXPECT_EQ(settings.Get("encoder").place, of_user_ + ":3");
  EXPECT_EQ(settings.Get("require").place, of_system_ + ":3");
  EXPECT_TRUE(settings.IsOn("require", false));
}

TEST_F(SettingsTest, AVariableSetToNothingMeansTheDefault) {
  testing::WriteFile(of_system_, "require = 1\nresult_cache = off\n");
  EXPECT_TRUE(Read().IsOn("require", false));
  EXPECT_FALSE(Read().IsOn("result_cache", true));
  variables_["BTFD_REQUIRE"] = "";
  EXPECT_FALSE(Read().IsOn("require", false));
}

TEST_F(SettingsTest, BadLinesAreToldAndTheOthersCount) {
  testing::WriteFile(of_user_,
                     "profil = 7.3\n"
                     "profile = 7.3beta\n"
                     "require = perhaps\n"
                     "pahole_version = 1.29\n"
                     "socket = /s\n"
                     "disable 1\n"
                     "encoder = native\n");
  const Settings settings = Read();
  EXPECT_THAT(
      settings.complaints(),
      ElementsAre(
          of_user_ + ":6: not `name = value`: disable 1",
          of_user_ + ":1: no setting is called profil; similar: profile; it is "
                     "not used",
          of_user_ + ":2: profile = 7.3beta: must be 6.x, 7.0, 7.1, 7.2, 7.3 "
                     "or a kernel version; it is not used",
          of_user_ + ":3: require = perhaps: must be 1 or 0, true or false; it "
                     "is not used",
          of_user_ + ":4: pahole_version = 1.29: must be 1.24, 1.30, 1.31, "
                     "1.32; it is not used",
          of_user_ + ":5: socket is set in the environment only, by "
                     "BTFD_SOCKET; it is not used"));
  EXPECT_EQ(settings.Text("encoder"), "native");
  EXPECT_EQ(settings.Text("profile"), "");
}

TEST_F(SettingsTest, ACheckedFileIsToldWithItsLines) {
  testing::WriteFile(of_user_, "profile = 6.12.30\nbase_check = contents\n");
  EXPECT_THAT(CheckSettingsFile(of_user_),
              ElementsAre(of_user_ +
                          ":2: base_check = contents: must be key, content"));
  testing::WriteFile(of_user_, "profile = 6.x # old\n");
  EXPECT_THAT(CheckSettingsFile(of_user_), IsEmpty());
  EXPECT_THAT(CheckSettingsFile("/no/file"),
              ElementsAre(HasSubstr("/no/file: ")));
}

TEST_F(SettingsTest, MakeTheEnvironmentOfACommand) {
  testing::WriteFile(of_system_,
                     "disable = on\nbase_check = content\ndaemon = /d\n"
                     "result_cache = 0\nprofile = 7.1\nthreads = 1\n");
  const Environment environment = Environment::Of(Read());
  EXPECT_TRUE(environment.disable_daemon);
  EXPECT_FALSE(environment.require_daemon);
  EXPECT_TRUE(environment.bypass_result_cache);
  EXPECT_EQ(environment.base_check, BaseCheck::kContent);
  EXPECT_EQ(environment.daemon_program, "/d");
  EXPECT_EQ(environment.btfd_profile, "7.1");
  EXPECT_THAT(environment.complaints, ElementsAre(HasSubstr("threads")));
}

TEST_F(SettingsTest, OldVariablesMeanWhatTheyMeant) {
  variables_["BTFD_REQUIRE"] = "please";
  variables_["BTFD_DISABLE"] = "0";
  variables_["BTFD_RESULT_CACHE"] = "0";
  variables_["BTFD_BASE_CHECK"] = "all";
  const Environment environment = Environment::Of(Read());
  EXPECT_TRUE(environment.require_daemon);
  EXPECT_FALSE(environment.disable_daemon);
  EXPECT_TRUE(environment.bypass_result_cache);
  EXPECT_EQ(environment.base_check, BaseCheck::kContent);
}

// README.md's table of what people set.
TEST(ListSettings, ReadmeHasEachThatCanStandInFiles) {
  const std::string readme = testing::ReadFile("README.md");
  int found = 0;
  for (const SettingInfo& info : ListSettings()) {
    if (!info.in_files) continue;
    const std::string row = "\n| `" + VariableOf(info.name);
    EXPECT_TRUE(readme.find(row + "`") != std::string::npos ||
                readme.find(row + "=") != std::string::npos)
        << info.name;
    ++found;
  }
  EXPECT_GE(found, 9);
}

TEST(ListSettings, EachHasAMeaningAndADefault) {
  EXPECT_GE(ListSettings().size(), 12u);
  for (const SettingInfo& info : ListSettings()) {
    EXPECT_FALSE(info.meaning.empty()) << info.name;
    EXPECT_FALSE(info.default_value.empty()) << info.name;
    for (const absl::string_view choice : info.choices) {
      EXPECT_EQ(WrongText(info, choice), "") << info.name << " = " << choice;
    }
  }
}

}  // namespace
}  // namespace btfd::client
