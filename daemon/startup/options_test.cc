// SPDX-License-Identifier: Apache-2.0
#include "daemon/startup/options.h"

#include <pwd.h>
#include <unistd.h>

#include <fstream>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace btfd::daemon {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

using Texts = std::map<std::string, std::string>;

OptionLookup In(Texts texts) {
  return [texts](absl::string_view name) -> std::optional<std::string> {
    const auto found = texts.find(std::string(name));
    if (found == texts.end()) return std::nullopt;
    return found->second;
  };
}

class OptionsTest : public ::testing::Test {
 protected:
  OptionsTest() : home_(::testing::TempDir() + "/home") {}

  std::string WriteConfig(const std::string& text) {
    const std::string path = ::testing::TempDir() + "/btfd.conf";
    std::ofstream(path) << text;
    return path;
  }

  const std::string home_;
};

TEST_F(OptionsTest, NothingSetGivesTheDefaultsBelowHome) {
  const auto options = ReadOptions(In({}), In({{"HOME", home_}}));
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->store_dir, home_ + "/.cache/btfd");
  EXPECT_THAT(options->socket, HasSubstr("/btfd-4.2.sock"));
  EXPECT_FALSE(options->foreground);
  EXPECT_TRUE(options->result_cache);
  EXPECT_EQ(options->idle_exit, absl::Hours(3));
  EXPECT_GE(options->threads, 1u);
}

// The rows of README.md's table of options: the name in the first cell and the
// default, without markup.
std::vector<std::pair<std::string, std::string>> RowsOfReadme() {
  std::ifstream file("daemon/README.md");
  std::vector<std::pair<std::string, std::string>> rows;
  bool in_table = false;
  for (std::string line; std::getline(file, line);) {
    if (absl::StartsWith(line, "| option ")) {
      in_table = true;
    } else if (!absl::StartsWith(line, "|")) {
      in_table = false;
    } else if (in_table && !absl::StartsWith(line, "|---")) {
      const std::vector<std::string> cells = absl::StrSplit(line, '|');
      const auto plain = [](absl::string_view cell) {
        return std::string(
            absl::StripAsciiWhitespace(absl::StrReplaceAll(cell, {{"`", ""}})));
      };
      for (const absl::string_view name : absl::StrSplit(cells[1], ',')) {
        rows.emplace_back(plain(name), plain(cells[2]));
      }
    }
  }
  return rows;
}

TEST_F(OptionsTest, ReadmeListsEachOptionWithItsDefault) {
  std::vector<std::pair<std::string, std::string>> options;
  for (const OptionInfo& option : ListOptions()) {
    options.emplace_back(option.name, option.default_value);
  }
  EXPECT_GT(options.size(), 40u);
  EXPECT_THAT(RowsOfReadme(), ElementsAreArray(options));
}

TEST_F(OptionsTest, DefaultsAreThoseOfTheStruct) {
  std::map<std::string, std::string> defaults;
  for (const OptionInfo& option : ListOptions()) {
    defaults[std::string(option.name)] = option.default_value;
  }
  EXPECT_EQ(defaults["remote_timeout"], "1s");
  EXPECT_EQ(defaults["stall_timeout"], "2m");
  EXPECT_EQ(defaults["max_btf_bytes"], "64M");
  EXPECT_EQ(defaults["max_result_bytes"], "1G");
  EXPECT_EQ(defaults["verify_hits"], "500");
  EXPECT_EQ(defaults["remote_compression"], "1");
  EXPECT_EQ(defaults["remote_read_only"], "0");
  EXPECT_EQ(defaults["log_level"], "info");
  EXPECT_EQ(defaults["listen"], "-");
}

TEST_F(OptionsTest, TheCommandLineTakesValuesInEachForm) {
  const auto flags = ReadCommandLine(
      {"--threads=4", "--log-level", "debug", "--foreground", "-server=a=b"});
  ASSERT_TRUE(flags.ok()) << flags.status();
  EXPECT_EQ(*flags, (Texts{{"threads", "4"},
                           {"log_level", "debug"},
                           {"foreground", "1"},
                           {"server", "a=b"}}));
}

TEST_F(OptionsTest, TheCommandLineTakesNothingElse) {
  const auto words = [](const std::vector<std::string>& arguments) {
    const auto flags = ReadCommandLine(arguments);
    EXPECT_FALSE(flags.ok());
    return std::string(flags.status().message());
  };
  EXPECT_EQ(words({"module.ko"}), "takes no argument: module.ko");
  EXPECT_EQ(words({"--thread=4"}),
            "unknown option: --thread=4; --help lists them");
  EXPECT_EQ(words({"--threads"}), "a value is missing: --threads");
}

TEST_F(OptionsTest, TheStoreFollowsXdgCacheHome) {
  const auto options =
      ReadOptions(In({}), In({{"HOME", home_}, {"XDG_CACHE_HOME", "/c"}}));
  ASSERT_TRUE(options.ok());
  EXPECT_EQ(options->store_dir, "/c/btfd");
}

// What a static program of another C library does without HOME, tests/packages/
// tarball shows.
TEST_F(OptionsTest, WithoutHomeTheStoreIsInTheHomeThatPasswdNames) {
  const passwd* const user = getpwuid(geteuid());
  ASSERT_NE(user, nullptr);
  const auto options = ReadOptions(In({}), In({}));
  ASSERT_TRUE(options.ok());
  EXPECT_EQ(options->store_dir, std::string(user->pw_dir) + "/.cache/btfd");
}

TEST_F(OptionsTest, FlagBeatsEnvironmentBeatsFile) {
  const std::string config =
      WriteConfig("threads = 3\nlog_level = debug\nidle_exit = 15m\n");
  const auto options =
      ReadOptions(In({{"config", config}, {"threads", "5"}}),
                  In({{"BTFD_THREADS", "4"}, {"BTFD_LOG_LEVEL", "error"}}));
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->threads, 5u);
  EXPECT_EQ(options->log_level, util::LogLevel::kError);
  EXPECT_EQ(options->idle_exit, absl::Minutes(15));
}

TEST_F(OptionsTest, TheFileIsFoundInXdgConfigHome) {
  const std::string directory = ::testing::TempDir() + "/config";
  ASSERT_EQ(system(("mkdir -p " + directory + "/btfd").c_str()), 0);
  std::ofstream(directory + "/btfd/btfd.conf")
      << "# a comment\n\n  result_cache=0 # and another\n";
  const auto options =
      ReadOptions(In({}), In({{"XDG_CONFIG_HOME", directory}}));
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_FALSE(options->result_cache);
}

TEST_F(OptionsTest, TheEnvironmentTurnsTheResultCacheOff) {
  const auto options = ReadOptions(In({}), In({{"BTFD_RESULT_CACHE", "0"}}));
  ASSERT_TRUE(options.ok());
  EXPECT_FALSE(options->result_cache);
}

TEST_F(OptionsTest, SizesAndTimesHaveUnits) {
  const auto options = ReadOptions(In({{"max_btf_bytes", "16M"},
                                       {"max_bytes_in_flight", "512k"},
                                       {"drain_timeout", "2.5"},
                                       {"idle_exit", "0"}}),
                                   In({}));
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->max_btf_bytes, uint64_t{16} << 20);
  EXPECT_EQ(options->max_bytes_in_flight, uint64_t{512} << 10);
  EXPECT_EQ(options->drain_timeout, absl::Seconds(2.5));
  EXPECT_EQ(options->idle_exit, absl::InfiniteDuration());
}

struct WrongValue {
  std::string name, text, reason;
};

class WrongValueTest : public ::testing::TestWithParam<WrongValue> {};

TEST_P(WrongValueTest, IsRefusedWithPlaceAndReason) {
  const WrongValue& wrong = GetParam();
  const auto options = ReadOptions(In({{wrong.name, wrong.text}}), In({}));
  EXPECT_EQ(options.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(options.status().message()),
              AllOf(HasSubstr("--" + wrong.name + " = " + wrong.text),
                    HasSubstr(wrong.reason)));
}

INSTANTIATE_TEST_SUITE_P(
    Each, WrongValueTest,
    ::testing::Values(WrongValue{"threads", "0", "at least 1"},
                      WrongValue{"threads", "many", "a whole number"},
                      WrongValue{"max_btf_bytes", "2G", "at most 1G"},
                      WrongValue{"max_bytes_in_flight", "99999999999G",
                                 "number of bytes"},
                      WrongValue{"idle_exit", "-1", "must be seconds"},
                      WrongValue{"idle_exit", "soon", "must be seconds"},
                      WrongValue{"result_cache", "maybe", "1 or 0"},
                      WrongValue{"log_level", "loud", "loud"}));

TEST_F(OptionsTest, AWrongVariableIsNamedAndTheDefaultUsed) {
  const auto options = ReadOptions(
      In({}), In({{"BTFD_THREADS", "x"}, {"BTFD_MAX_BTF_BYTES", "2G"}}));
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_THAT(
      options->complaints,
      UnorderedElementsAre("BTFD_MAX_BTF_BYTES = 2G: must be at most 1G; the "
                           "default is used",
                           "BTFD_THREADS = x: must be a whole number; the "
                           "default is used"));
  EXPECT_GE(options->threads, 1u);
  EXPECT_EQ(options->max_btf_bytes, Options().max_btf_bytes)
      << "not the half of it";
}

TEST_F(OptionsTest, AWrongLineOfTheUsersFileIsNamedAndTheOthersCount) {
  const std::string config =
      WriteConfig("thread = 3\nthreads = 0\nverify_hits = 7\n");
  const auto options = ReadOptions(In({}), In({{"BTFD_CONFIG", config}}));
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_THAT(options->complaints,
              ElementsAre(config + ":1: no setting is called thread; "
                                   "similar: threads",
                          HasSubstr(config + ":2: threads = 0: must be at "
                                             "least 1; the default is used")));
  EXPECT_GE(options->threads, 1u);
  EXPECT_EQ(options->verify_hits, 7u);
}

TEST_F(OptionsTest, TheUsersFileCountsMoreThanTheSystems) {
  const std::string system = ::testing::TempDir() + "/system";
  const std::string users = ::testing::TempDir() + "/users";
  ASSERT_EQ(::system(("mkdir -p " + system + " " + users + "/btfd").c_str()),
            0);
  std::ofstream(system + "/btfd.conf") << "threads = 3\nverify_hits = 7\n";
  std::ofstream(users + "/btfd/btfd.conf") << "\nthreads = 5\nlog = 1\n";
  const Texts environment = {{"BTFD_SYSTEM_CONFIG_DIR", system},
                             {"XDG_CONFIG_HOME", users}};
  const auto options = ReadOptions(In({}), In(environment));
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->threads, 5u);
  EXPECT_EQ(options->verify_hits, 7u);
  EXPECT_THAT(options->complaints,
              ElementsAre(users + "/btfd/btfd.conf:3: no setting is called "
                                  "log"));
  // A file that is named stands for both.
  const auto named =
      ReadOptions(In({{"config", "/dev/null"}}), In(environment));
  ASSERT_TRUE(named.ok()) << named.status();
  EXPECT_EQ(named->verify_hits, 500u);
}

TEST_F(OptionsTest, ShownAreValuesAndTheirPlaces) {
  const std::string config =
      WriteConfig("threads = 3\nidle_exit = 0\nmax_btf_bytes = 2048K\n");
  const auto shown =
      ShowOptions(In({{"log_level", "debug"}}), In({{"HOME", home_},
                                                    {"BTFD_CONFIG", config},
                                                    {"BTFD_VERIFY_HITS", "x"},
                                                    {"BTFD_THREADS", "2"}}));
  ASSERT_TRUE(shown.ok()) << shown.status();
  ASSERT_EQ(shown->options.size(), ListOptions().size());
  std::map<std::string, std::pair<std::string, std::string>> found;
  for (const ShownOption& option : shown->options) {
    found[std::string(option.info.name)] = {option.value, option.place};
    EXPECT_EQ(option.place.empty(), option.source == OptionSource::kDefault)
        << option.info.name;
  }
  using Pair = std::pair<std::string, std::string>;
  EXPECT_EQ(found["config"], Pair(config, "BTFD_CONFIG"));
  EXPECT_EQ(found["log_level"], Pair("debug", "--log_level"));
  EXPECT_EQ(found["threads"], Pair("2", "BTFD_THREADS"));
  EXPECT_EQ(found["idle_exit"], Pair("0", config + ":2"));
  EXPECT_EQ(found["max_btf_bytes"], Pair("2M", config + ":3"));
  EXPECT_EQ(found["verify_hits"], Pair("500", ""));
  EXPECT_EQ(found["store_dir"], Pair(home_ + "/.cache/btfd", ""));
  EXPECT_EQ(found["listen_insecure"], Pair("-", ""));
  EXPECT_EQ(found["stall_timeout"], Pair("2m", ""));
  EXPECT_THAT(shown->complaints,
              ElementsAre(HasSubstr("BTFD_VERIFY_HITS = x: ")));
}

TEST_F(OptionsTest, ACheckedFileIsToldWithItsLines) {
  const std::string good = WriteConfig("threads = 3\n# more\n");
  EXPECT_THAT(CheckConfigFile(good), IsEmpty());
  const std::string bad = WriteConfig("thread = 3\nthreads = 0\nx\n");
  EXPECT_THAT(
      CheckConfigFile(bad),
      ElementsAre(bad + ":3: not `name = value`: x",
                  bad + ":1: no setting is called thread; similar: threads",
                  bad + ":2: threads = 0: must be at least 1"));
  EXPECT_THAT(CheckConfigFile("/no/file"),
              ElementsAre(HasSubstr("/no/file: ")));
}

TEST_F(OptionsTest, TheUsersFileCountsAsAbsentIfItCannotBeRead) {
  const std::string loop = ::testing::TempDir() + "/loop";
  unlink(loop.c_str());
  ASSERT_EQ(symlink(loop.c_str(), loop.c_str()), 0);
  const auto options = ReadOptions(In({}), In({{"XDG_CONFIG_HOME", loop}}));
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_THAT(options->complaints, IsEmpty());
}

TEST_F(OptionsTest, AWrongLineOfTheFileIsNamed) {
  for (const char* line : {"thread = 3", "threads 3", "threads = 0"}) {
    const std::string config = WriteConfig(std::string("\n") + line + "\n");
    const auto options = ReadOptions(In({{"config", config}}), In({}));
    EXPECT_EQ(options.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(options.status().message()),
                HasSubstr(config + ":2: "));
  }
}

TEST_F(OptionsTest, AFileThatWasAskedForMustBeThere) {
  const auto options = ReadOptions(In({{"config", "/no/file"}}), In({}));
  EXPECT_EQ(options.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(options.status().message()), HasSubstr("/no/file"));
  const auto wished = ReadOptions(In({}), In({{"BTFD_CONFIG", "/no/file"}}));
  ASSERT_TRUE(wished.ok()) << wished.status();
  EXPECT_THAT(wished->complaints, ElementsAre(HasSubstr("/no/file")));
}

TEST_F(OptionsTest, WhoListensToTheNetworkStays) {
  const auto listening =
      ReadOptions(In({{"listen", "localhost:1"}}), In({{"HOME", home_}}));
  ASSERT_TRUE(listening.ok()) << listening.status();
  EXPECT_EQ(listening->idle_exit, absl::InfiniteDuration());
  const auto told =
      ReadOptions(In({{"listen", "localhost:1"}, {"idle_exit", "5m"}}), In({}));
  ASSERT_TRUE(told.ok()) << told.status();
  EXPECT_EQ(told->idle_exit, absl::Minutes(5));
}

TEST_F(OptionsTest, AnInsecureAddressIsAskedForInAsManyWords) {
  const auto yes =
      ReadOptions(In({{"listen_insecure", "yes-anyone-may-connect"}}), In({}));
  ASSERT_TRUE(yes.ok()) << yes.status();
  EXPECT_TRUE(yes->listen_insecure);
  EXPECT_THAT(
      ReadOptions(In({{"listen_insecure", "1"}}), In({})).status().message(),
      AllOf(HasSubstr("--listen_insecure = 1"),
            HasSubstr("must be yes-anyone-may-connect")));
}

TEST_F(OptionsTest, TheServerComesFromTheEnvironment) {
  const auto options =
      ReadOptions(In({}), In({{"BTFD_SERVER", "grpcs://a:1,b:2"}}));
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->server, "grpcs://a:1,b:2");
}

}  // namespace
}  // namespace btfd::daemon
