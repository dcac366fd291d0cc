// SPDX-License-Identifier: Apache-2.0
//
// Every command line here also goes through the kernel's own tool. The tool's
// exit code shows whether it accepted the line (it then fails on the missing
// file, 255) or not (129, 130).
#include "client/commands/resolve_btfids_options.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_join.h"
#include "client/request/profile.h"
#include "client/testing/testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace btfd::client {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;
using Line = std::vector<std::string>;

ResolveBtfidsOptions Parsed(const Line& line) {
  ParsedResolveBtfids parsed = ParseResolveBtfids(line, std::nullopt);
  EXPECT_EQ(parsed.exit_code, 0) << absl::StrJoin(line, " ") << parsed.err;
  return parsed.options;
}

TEST(ResolveBtfidsOptions, AllOfThemInTheirPlainForm) {
  const ResolveBtfidsOptions options = Parsed(
      {"-v", "--verbose", "--btf", "b", "--btf_base", "v", "--fatal_warnings",
       "--distill_base", "--patch_btfids", "p", "m.ko"});
  EXPECT_EQ(options.verbose, 2);
  EXPECT_EQ(options.btf, "b");
  EXPECT_EQ(options.btf_base, "v");
  EXPECT_TRUE(options.fatal_warnings);
  EXPECT_TRUE(options.distill_base);
  EXPECT_EQ(options.patch_btfids, "p");
  EXPECT_EQ(options.elf, "m.ko");
}

TEST(ResolveBtfidsOptions, ValuesStandBehindEqualsOrTheLetter) {
  EXPECT_EQ(Parsed({"--btf=b", "m"}).btf, "b");
  EXPECT_EQ(Parsed({"--btf=", "m"}).btf, "");
  EXPECT_EQ(Parsed({"-bbase", "m"}).btf_base, "base");
  EXPECT_EQ(Parsed({"-b=base", "m"}).btf_base, "=base");
  EXPECT_EQ(Parsed({"-vb", "base", "m"}).btf_base, "base");
  EXPECT_EQ(Parsed({"--btf", "-v", "m"}).btf, "-v");
}

TEST(ResolveBtfidsOptions, UnambiguousBeginningsWork) {
  EXPECT_TRUE(Parsed({"--distill", "m"}).distill_base);
  EXPECT_EQ(Parsed({"--btf_b=x", "m"}).btf_base, "x");
  EXPECT_EQ(Parsed({"--p=x", "m"}).patch_btfids, "x");
}

TEST(ResolveBtfidsOptions, NoTakesBack) {
  EXPECT_EQ(Parsed({"-vv", "--no-verbose", "m"}).verbose, 0);
  EXPECT_EQ(Parsed({"--btf=x", "--no-btf", "m"}).btf, std::nullopt);
  EXPECT_FALSE(Parsed({"--distill_base", "--no-dist", "m"}).distill_base);
}

TEST(ResolveBtfidsOptions, TwoDashesEndThem) {
  EXPECT_EQ(Parsed({"--", "-v"}).elf, "-v");
  EXPECT_EQ(Parsed({"-"}).elf, "-");
}

TEST(ResolveBtfidsOptions, ComplaintsNameTheOption) {
  const std::vector<std::pair<Line, std::string>> cases = {
      {{"--nope", "m"}, "unknown option --nope"},
      {{"-x", "m"}, "unknown option -x"},
      {{"--bt", "x", "m"}, "ambiguous option --bt"},
      {{"--btf"}, "option --btf needs a value"},
      {{"--distill_base=1", "m"}, "option --distill_base takes no value"},
      {{"m", "-v"}, "exactly one ELF file is needed"},
  };
  for (const auto& [line, words] : cases) {
    const ParsedResolveBtfids parsed = ParseResolveBtfids(line, std::nullopt);
    EXPECT_EQ(parsed.exit_code, kExitUsage);
    EXPECT_THAT(parsed.err, HasSubstr(words));
    EXPECT_THAT(parsed.err, HasSubstr("usage: resolve_btfids [OPTION]... ELF"));
  }
}

TEST(ResolveBtfidsOptions, VersionIsOurOwn) {
  const ParsedResolveBtfids parsed =
      ParseResolveBtfids({"--version"}, std::nullopt);
  EXPECT_THAT(parsed.out, StartsWith("resolve_btfids of btfd "));
  EXPECT_EQ(parsed.exit_code, kExitUsage);
}

// The releases whose tools know different options.
class Verdicts : public ::testing::TestWithParam<std::string> {};

INSTANTIATE_TEST_SUITE_P(Releases, Verdicts, ::testing::Values("6.12", "7.2"),
                         [](const auto& info) {
                           return info.param == "7.2" ? "v7_2" : "v6_12";
                         });

TEST_P(Verdicts, AreTheKernelTools) {
  const std::string peer =
      testing::TestData("peers/" + GetParam() + "/resolve_btfids");
  const std::optional<int> release = StatedRelease("", GetParam() + ".9");
  ASSERT_TRUE(release.has_value());
  // The pieces of the grammar: each by itself, and all pairs of them with the
  // file behind.
  const std::vector<std::string> pieces = {
      "-v",          "-vv",          "-vb",         "-b",
      "-bx",         "-b=x",         "-h",          "-vh",
      "-x",          "-vx",          "-verbose",    "-btf",
      "-no-btf",     "--",           "-",           "",
      "--btf",       "--btf=",       "--btf=x",     "--bt",
      "--btf_",      "--btf_b=x",    "--btf_base",  "--b",
      "--v",         "--verb",       "--verbose=1", "--no-verbose",
      "--no-v",      "--no-v=1",     "--no",        "--n",
      "--no-",       "--no-b",       "--no-btf",    "--no-btf=x",
      "--no-btf_b",  "--no-x",       "--d",         "--distill_base",
      "--dist=1",    "--no-distill", "--fatal",     "--fatal_warnings=",
      "--p",         "--patch=x",    "--no-patch",  "--patch_btfids",
      "--help",      "--help-all",   "--hel",       "--list-opts",
      "--list-cmds", "--=x",         "--nope",      "---v",
      "--no-no-btf", "--no=1",       "missing.ko"};
  std::vector<Line> lines = {{}};
  for (const std::string& first : pieces) {
    lines.push_back({first});
    for (const std::string& second : pieces) {
      lines.push_back(second == "missing.ko"
                          ? Line{first, second}
                          : Line{first, second, "missing.ko"});
    }
  }
  int differences = 0;
  for (const Line& line : lines) {
    const int ours = ParseResolveBtfids(line, release).exit_code;
    const int theirs = testing::Run(peer, line).exit_code;
    // If the tool accepts the line, it ends with 255, because the file is
    // missing.
    const int expected = theirs == kExitFailed ? 0 : theirs;
    if (ours != expected) ++differences;
    EXPECT_EQ(ours, expected) << absl::StrJoin(line, " | ");
    if (differences > 20) FAIL() << "and more";
  }
}

}  // namespace
}  // namespace btfd::client
