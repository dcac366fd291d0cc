// SPDX-License-Identifier: Apache-2.0
//
// btfc config, and that the settings of a file reach the commands.
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/json.h"
#include "tests/support/process.h"

namespace btfd::client {
namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;
using tests::ProcessResult;
using tests::WriteFile;

class ConfigTest : public ::testing::Test {
 protected:
  ConfigTest() {
    for (const char* name : {"etc", "home/btfd"}) {
      std::filesystem::create_directories(directory_.file(name));
    }
  }

  std::string System(const std::string& name) {
    return directory_.file("etc/" + name);
  }
  std::string Users(const std::string& name) {
    return directory_.file("home/btfd/" + name);
  }

  ProcessResult Run(const std::vector<std::string>& arguments,
                    const std::vector<std::string>& environment = {}) {
    std::vector<std::string> argv = {
        std::filesystem::absolute("client/btfc").string()};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    tests::ProcessOptions options;
    options.environment = {
        absl::StrCat("BTFD_SYSTEM_CONFIG_DIR=", directory_.file("etc")),
        absl::StrCat("XDG_CONFIG_HOME=", directory_.file("home")),
        absl::StrCat("BTFD_RUNTIME_DIR=", directory_.file("run")),
        absl::StrCat("BTFD_DAEMON=",
                     std::filesystem::absolute("daemon/btfd").string()),
        "BTFD_TESTDATA"};
    options.environment.insert(options.environment.end(), environment.begin(),
                               environment.end());
    options.directory = directory_.path();
    return RunProcess(argv, options);
  }

  const tests::ScratchDir directory_{"/tmp"};
};

TEST_F(ConfigTest, ShowsEachSettingWithItsPlace) {
  WriteFile(System("btfc.conf"), "profile = 7.0\nencoder = native\n");
  WriteFile(Users("btfc.conf"), "\nprofile = 7.2\n");
  WriteFile(System("btfd.conf"), "threads = 3\nverify_hits = 7\n");
  const ProcessResult result =
      Run({"config", "show"}, {"BTFD_REQUIRE=1", "BTFD_THREADS=2"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.err, "");
  EXPECT_THAT(
      result.out,
      AllOf(
          ContainsRegex("\n  profile +7.2 +" + Users("btfc.conf") + ":2\n"),
          ContainsRegex("\n  encoder +native +" + System("btfc.conf") + ":2\n"),
          ContainsRegex("\n  require +1 +BTFD_REQUIRE\n"),
          ContainsRegex("\n  disable +0 +default\n"),
          ContainsRegex("\n  threads +2 +BTFD_THREADS\n"),
          ContainsRegex("\n  verify_hits +7 +" + System("btfd.conf") + ":2\n"),
          ContainsRegex("\n  max_btf_bytes +64M +default\n"),
          ContainsRegex("\n  log_file +beside the socket; stderr in the "
                        "foreground +default\n")));
}

TEST_F(ConfigTest, TellsWhatIsWrongWithTheNearestName) {
  WriteFile(Users("btfc.conf"), "profil = 7.2\n");
  WriteFile(Users("btfd.conf"), "thread = 2\n");
  const ProcessResult result =
      Run({"config", "show"}, {"BTFD_REQIRE=1", "BTFD_LOGLEVEL=debug",
                               "BTFD_PROFILE=9", "BTFD_VERIFY_HITS=x"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(
      result.err,
      AllOf(HasSubstr("btfc: " + Users("btfc.conf") +
                      ":1: no setting is called profil; similar: profile"),
            HasSubstr("btfc: " + Users("btfd.conf") +
                      ":1: no setting is called thread; similar: threads"),
            HasSubstr("btfc: BTFD_REQIRE: no setting has this name; similar: "
                      "BTFD_REQUIRE\n"),
            HasSubstr("btfc: BTFD_LOGLEVEL: no setting has this name; similar: "
                      "BTFD_LOG_LEVEL\n"),
            HasSubstr("btfc: BTFD_PROFILE = 9: must be 6.x, "),
            HasSubstr("btfc: BTFD_VERIFY_HITS = x: must be a whole number")));
}

TEST_F(ConfigTest, ShowsThemAsJson) {
  WriteFile(Users("btfd.conf"), "log_file = /a \"b\"\n");
  const ProcessResult result =
      Run({"config", "show", "--json"}, {"BTFD_PROFILE=7.3", "BTFD_SEVER=x"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(tests::JsonAt(result.out, "client.0.name"), "profile");
  EXPECT_EQ(tests::JsonAt(result.out, "client.0.value"), "7.3");
  EXPECT_EQ(tests::JsonAt(result.out, "client.0.source"), "environment");
  EXPECT_EQ(tests::JsonAt(result.out, "client.1.source"), "default");
  EXPECT_EQ(tests::JsonAt(result.out, "daemon.8.name"), "log_file");
  EXPECT_EQ(tests::JsonAt(result.out, "daemon.8.value"), "/a \"b\"");
  EXPECT_EQ(tests::JsonAt(result.out, "daemon.8.place"),
            Users("btfd.conf") + ":1");
  EXPECT_EQ(tests::JsonAt(result.out, "complaints.0"),
            "BTFD_SEVER: no setting has this name; similar: BTFD_SERVER");
}

TEST_F(ConfigTest, WithoutADaemonTheClientsAreShown) {
  const ProcessResult result =
      Run({"config", "show"}, {"BTFD_DAEMON=/no/btfd", "BTFD_SEVER=x"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.out,
              AllOf(HasSubstr("\n  profile "), Not(HasSubstr("\n  threads "))));
  EXPECT_THAT(result.err, AllOf(HasSubstr("the daemon's settings are not "
                                          "known: BTFD_DAEMON=/no/btfd"),
                                Not(HasSubstr("BTFD_SEVER"))));
}

TEST_F(ConfigTest, ChecksFilesByTheirNames) {
  WriteFile(Users("btfc.conf"), "profile = 7.3\n");
  WriteFile(Users("btfd.conf"), "threads = 3\n");
  ProcessResult result =
      Run({"config", "check", Users("btfc.conf"), Users("btfd.conf")});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out + result.err, "");

  WriteFile(Users("btfc.conf"), "threads = 3\n");
  WriteFile(Users("btfd.conf"), "\nthreads = none\n");
  result = Run({"config", "check", Users("btfc.conf"), Users("btfd.conf")});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.err, "");
  EXPECT_EQ(result.out, Users("btfc.conf") +
                            ":1: no setting is called threads\n" +
                            Users("btfd.conf") +
                            ":2: threads = none: must be a whole number\n");
}

TEST_F(ConfigTest, ChecksTheFileForBuildsOfKernels) {
  const std::string path = System("kbuild.conf");
  WriteFile(path, "dkms = all -zfs # not this one\nverify = fail\n");
  ProcessResult result = Run({"config", "check", path});
  EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
  WriteFile(path, "dmks = all\nverify = fial\n");
  result = Run({"config", "check", path});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.out,
            path + ":1: no setting is called dmks; similar: dkms\n" + path +
                ":2: verify = fial: must be warn, fail, off\n");
}

TEST_F(ConfigTest, TheFilesThatPackagesInstallHaveNoMistake) {
  const ProcessResult result =
      Run({"config", "check",
           std::filesystem::absolute("tools/kbuild/kbuild.conf").string()});
  EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
}

TEST_F(ConfigTest, ChecksFilesOfAnyNameAsItIsTold) {
  WriteFile(Users("new"), "threads = 3\n");
  EXPECT_EQ(Run({"config", "check", "--daemon", Users("new")}).exit_code, 0);
  EXPECT_EQ(Run({"config", "check", "--client", Users("new")}).exit_code, 1);
  const ProcessResult result = Run({"config", "check", Users("new")});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("say --client or --daemon"));
  for (const char* of : {"--daemon", "--client"}) {
    const ProcessResult missing = Run({"config", "check", of, "/no/file"});
    EXPECT_EQ(missing.exit_code, 1);
    EXPECT_THAT(missing.out, HasSubstr("/no/file: "));
  }
}

TEST_F(ConfigTest, OtherCallsAreWrong) {
  for (const std::vector<std::string>& call :
       std::vector<std::vector<std::string>>{
           {},
           {"shew"},
           {"show", "more"},
           {"show", "--client"},
           {"check"},
           {"check", "--json", "btfc.conf"},
           {"check", "--client", "--daemon", "btfc.conf"}}) {
    std::vector<std::string> arguments = {"config"};
    arguments.insert(arguments.end(), call.begin(), call.end());
    const ProcessResult result = Run(arguments);
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_THAT(result.err, HasSubstr("btfc config: "));
  }
}

TEST_F(ConfigTest, DoctorTellsMistakes) {
  WriteFile(Users("btfc.conf"), "profil = 7.2\n");
  ProcessResult result = Run({"doctor", "/no/build"}, {"BTFD_REQIRE=1"});
  EXPECT_THAT(
      result.out,
      AllOf(HasSubstr("The client's settings\n  note  " + Users("btfc.conf") +
                      ":1: no setting is called profil; similar: profile"),
            HasSubstr("  note  BTFD_REQIRE: no setting has this name; similar: "
                      "BTFD_REQUIRE\n")));
  WriteFile(Users("btfc.conf"), "profile = 7.2\n");
  result = Run({"doctor", "/no/build"});
  EXPECT_THAT(result.out,
              HasSubstr("The client's settings\n  ok    there is no "
                        "mistake in them\n"));
}

// A file's setting does what the variable does.
TEST_F(ConfigTest, AFileReachesTheCommands) {
  WriteFile(System("btfc.conf"), "daemon = /of/the/file\n");
  ProcessResult result = Run({"start"}, {"BTFD_DAEMON"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr("/of/the/file is no program"));
  result = Run({"start"}, {"BTFD_DAEMON=/of/the/environment"});
  EXPECT_THAT(result.err, HasSubstr("/of/the/environment is no program"));

  WriteFile(Users("btfc.conf"), "pahole_version = 1.31\n");
  result = Run({"pahole", "--version"}, {"BTFD_PAHOLE_VERSION"});
  EXPECT_EQ(result.out, "v1.31\n");
  result = Run({"pahole", "--version"}, {"BTFD_PAHOLE_VERSION=1.30"});
  EXPECT_EQ(result.out, "v1.30\n");
}

}  // namespace
}  // namespace btfd::client
