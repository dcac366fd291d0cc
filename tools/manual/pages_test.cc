// SPDX-License-Identifier: Apache-2.0
//
// The manual pages, as man and apropos read them.
#include "client/manual/pages.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "daemon/startup/options.h"
#include "daemon/startup/pages.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/process.h"

namespace btfd {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using tests::ProcessResult;
using tests::ReadFileOrEmpty;

constexpr char kDirectory[] = "tools/manual";

std::vector<const manual::Page*> AllPages() {
  std::vector<const manual::Page*> pages = client::CommandPages();
  pages.push_back(&client::BtfcPage());
  pages.push_back(&client::BtfcConfPage());
  pages.push_back(&daemon::BtfdPage());
  pages.push_back(&daemon::BtfdConfPage());
  return pages;
}

std::string NameOf(const manual::Page& page) {
  return absl::StrCat(page.file, ".", page.number);
}

std::string PathOf(const manual::Page& page) {
  return absl::StrCat(kDirectory, "/", NameOf(page));
}

class EachPage : public ::testing::TestWithParam<const manual::Page*> {};

INSTANTIATE_TEST_SUITE_P(
    All, EachPage, ::testing::ValuesIn(AllPages()), [](const auto& info) {
      return absl::StrReplaceAll(NameOf(*info.param), {{"-", "_"}, {".", "_"}});
    });

TEST_P(EachPage, HasNothingThatManWarnsOf) {
  const ProcessResult man = tests::RunProcess(
      {"man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z",
       PathOf(*GetParam())},
      {{"LC_ALL=C.UTF-8", "MANROFFSEQ=", "MANWIDTH=80"}, "", ""});
  EXPECT_EQ(man.exit_code, 0);
  EXPECT_EQ(man.err, "");
  EXPECT_GT(man.out.size(), 1000u);
}

TEST_P(EachPage, IsFoundByApropos) {
  const ProcessResult whatis =
      tests::RunProcess({"lexgrog", PathOf(*GetParam())});
  EXPECT_EQ(whatis.exit_code, 0) << whatis.err;
  EXPECT_EQ(whatis.out,
            absl::StrCat(PathOf(*GetParam()), ": \"", GetParam()->file, " - ",
                         GetParam()->summary, "\"\n"));
}

// As a reader sees it.
TEST_P(EachPage, ShowsItsOptionsAndExamples) {
  const ProcessResult man = tests::RunProcess(
      {"man", "-E", "ascii", "-l", "-P", "cat", PathOf(*GetParam())},
      {{"LC_ALL=C", "MANWIDTH=500", "MAN_KEEP_FORMATTING", "GROFF_NO_SGR="},
       "",
       ""});
  EXPECT_EQ(man.exit_code, 0) << man.err;
  for (const manual::Option& option : GetParam()->options) {
    EXPECT_THAT(man.out, HasSubstr(manual::OptionTerm(option)));
  }
  for (const manual::Example& example : GetParam()->examples) {
    EXPECT_THAT(man.out, HasSubstr(example.line));
  }
  for (const manual::Entry& verb : GetParam()->verbs) {
    EXPECT_THAT(man.out, HasSubstr(verb.term));
  }
}

TEST_P(EachPage, NamesPagesThatThereAre) {
  std::set<std::string> known = {"pahole(1)", "bpftool(8)", "dkms(8)"};
  for (const manual::Page* page : AllPages()) {
    known.insert(absl::StrCat(page->file, "(", page->number, ")"));
  }
  EXPECT_FALSE(GetParam()->see_also.empty());
  for (const std::string& other : GetParam()->see_also) {
    EXPECT_TRUE(known.count(other) > 0) << other;
  }
}

TEST_P(EachPage, HasAnExampleIfItIsOfAProgram) {
  const manual::Page& page = *GetParam();
  if (page.number == "5") {
    EXPECT_THAT(ReadFileOrEmpty(PathOf(page)), HasSubstr(".SH EXAMPLE\n"));
    return;
  }
  EXPECT_FALSE(page.examples.empty());
  for (const manual::Example& example : page.examples) {
    EXPECT_TRUE(absl::StrContains(example.line, page.program) ||
                absl::StrContains(example.line, "=$(command -v "))
        << example.line;
  }
}

// Whatever the time, the language and the machine.
TEST(MakeManual, WritesTheFilesThatBazelKnowsAndTheSameEachTime) {
  const tests::ScratchDir directory;
  const ProcessResult made = tests::RunProcess(
      {std::string(kDirectory) + "/make_manual", directory.path()},
      {{"LC_ALL=de_DE.UTF-8", "TZ=Asia/Tokyo", "HOME=/no", "USER=no"}, "", ""});
  EXPECT_EQ(made.exit_code, 0) << made.err;
  int files = 0;
  for (const auto& entry : fs::directory_iterator(directory.path())) {
    const std::string name = entry.path().filename();
    EXPECT_EQ(ReadFileOrEmpty(entry.path()),
              ReadFileOrEmpty(absl::StrCat(kDirectory, "/", name)))
        << name << " must be in tools/manual/BUILD.bazel";
    ++files;
  }
  EXPECT_EQ(files, static_cast<int>(AllPages().size()) + 3);
}

TEST(ConfPages, HaveEachSettingOfTheirFile) {
  const std::string conf = absl::StrReplaceAll(
      ReadFileOrEmpty(std::string(kDirectory) + "/btfd.conf.5"),
      {{"\\-", "-"}});
  int settings = 0;
  for (const daemon::OptionInfo& option : daemon::ListOptions()) {
    if (option.name == "config") continue;
    ++settings;
    EXPECT_THAT(conf, HasSubstr(absl::StrCat("\\fB", option.name, "\\fR\n")));
  }
  EXPECT_GT(settings, 40);
}

}  // namespace
}  // namespace btfd
