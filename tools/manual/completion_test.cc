// SPDX-License-Identifier: Apache-2.0
//
// The completion of bash, run by bash. (tools/check ops has the other shells.)
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "client/manual/pages.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/process.h"

namespace btfd {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;
using ::testing::Not;
using ::testing::UnorderedElementsAre;
using tests::ProcessResult;

class BashCompletion : public ::testing::Test {
 protected:
  BashCompletion() {
    for (const char* name : {"vmlinux", "a module.ko", "net/x.ko"}) {
      tests::RunProcess({"mkdir", "-p", directory_.file("net")});
      tests::WriteFile(directory_.file(name), "");
    }
  }

  // What bash offers for the last of the words.
  std::vector<std::string> For(const std::vector<std::string>& words) {
    std::vector<std::string> quoted;
    for (const std::string& word : words) {
      quoted.push_back(absl::StrCat("'", word, "'"));
    }
    const std::string script = absl::StrCat(
        "set -u\nsource ", completion_, "\ncd '", directory_.path(),
        "'\nCOMP_WORDS=(", absl::StrJoin(quoted, " "),
        ")\nCOMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n_btfc\n"
        "[[ $(complete -p btfc) == *'-F _btfc btfc' ]] || exit 3\n"
        "printf '%s\\n' \"${COMPREPLY[@]}\"\n");
    const ProcessResult bash =
        tests::RunProcess({"bash", "--norc", "-c", script});
    EXPECT_EQ(bash.exit_code, 0) << bash.err;
    EXPECT_EQ(bash.err, "");
    return absl::StrSplit(bash.out, '\n', absl::SkipEmpty());
  }

  const tests::ScratchDir directory_;
  const std::string completion_ = "tools/manual/btfc.bash";
};

TEST_F(BashCompletion, OffersCommands) {
  std::vector<std::string> all = {"--help", "--version"};
  for (const manual::Entry& verb : client::BtfcPage().verbs) {
    all.push_back(verb.term);
  }
  EXPECT_GE(all.size(), 20u);
  EXPECT_THAT(For({"btfc", ""}), ::testing::UnorderedElementsAreArray(all));
  EXPECT_THAT(For({"btfc", "fin"}), ElementsAre("finalize"));
  EXPECT_THAT(For({"btfc", "no"}), IsEmpty());
}

TEST_F(BashCompletion, OffersOptionsOfTheCommand) {
  for (const manual::Page* page : client::CommandPages()) {
    if (page->options.empty()) continue;
    const std::string command =
        page->program.substr(page->program.find(' ') + 1);
    std::vector<std::string> all;
    for (const manual::Option& option : page->options) {
      all.push_back("--" + option.name);
    }
    EXPECT_THAT(For({"btfc", command, "--"}), IsSupersetOf(all)) << command;
  }
  EXPECT_THAT(For({"btfc", "finalize", "a.ko", "--dis"}),
              ElementsAre("--distill"));
  EXPECT_THAT(For({"btfc", "nonsense", "-"}), IsEmpty());
}

TEST_F(BashCompletion, OffersValuesWithAndWithoutAnEqualsSign) {
  const auto always = UnorderedElementsAre("always", "never", "auto");
  EXPECT_THAT(For({"btfc", "finalize", "--distill", ""}), always);
  // What bash makes of --distill= and of --distill=al.
  EXPECT_THAT(For({"btfc", "finalize", "--distill", "="}), always);
  EXPECT_THAT(For({"btfc", "finalize", "--distill", "=", "al"}),
              ElementsAre("always"));
  EXPECT_THAT(For({"btfc", "finalize", "--profile", "7"}),
              ElementsAre("7.0", "7.1", "7.2", "7.3"));
  EXPECT_THAT(For({"btfc", "dump", "--format", ""}),
              ElementsAre("raw", "c", "json"));
  EXPECT_THAT(For({"btfc", "finalize", "-j", ""}), IsEmpty());
}

TEST_F(BashCompletion, OffersFilesAndDirectories) {
  EXPECT_THAT(For({"btfc", "finalize", "--base", "vm"}),
              ElementsAre("vmlinux"));
  EXPECT_THAT(For({"btfc", "finalize", "--base", "=", "vm"}),
              ElementsAre("vmlinux"));
  EXPECT_THAT(For({"btfc", "finalize", "a"}), ElementsAre("a module.ko"));
  EXPECT_THAT(For({"btfc", "diff", "--modules", ""}), ElementsAre("net"));
  EXPECT_THAT(For({"btfc", "min-core", "-o", ""}), ElementsAre("net"));
  EXPECT_THAT(For({"btfc", "stop", ""}), IsEmpty());
  // Its value stands behind "=" only.
  EXPECT_THAT(For({"btfc", "gen-btf", "--explain", "=", "vm"}),
              ElementsAre("vmlinux"));
}

TEST_F(BashCompletion, OffersVerbs) {
  EXPECT_THAT(For({"btfc", "base", ""}), ElementsAre("add", "list", "remove"));
  EXPECT_THAT(For({"btfc", "base", "add", "vm"}), ElementsAre("vmlinux"));
  EXPECT_THAT(For({"btfc", "base", "remove", ""}), IsEmpty());
  EXPECT_THAT(For({"btfc", "config", "check", "--cl"}),
              AllOf(Contains("--client"), Not(Contains("--daemon"))));
}

}  // namespace
}  // namespace btfd
