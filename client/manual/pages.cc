// SPDX-License-Identifier: Apache-2.0
#include "client/manual/pages.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "client/cli/settings.h"

namespace btfd::client {

namespace {

using manual::Page;

Page MakeBtfc() {
  Page page;
  page.program = "btfc";
  page.file = "btfc";
  page.summary = "finalize the BTF of kernel modules by the btfd daemon";
  page.usage = {"btfc COMMAND [ARGUMENT...]"};
  page.description = R"(
Finalizes the BTF of kernel modules by the btfd daemon, which it starts where
there is none.
)";
  for (const Page* command : CommandPages()) {
    page.verbs.push_back(
        {std::string(absl::StripPrefix(command->program, "btfc ")),
         command->summary});
  }
  page.options = {{"version", 0, "", "say which btfc this is"}};
  page.arguments = "";
  page.sections = {{"", R"(
`btfc COMMAND --help` says more of each. Called as resolve_btfids or pahole, btfc is
that command.
)"}};
  page.exit_status = "that of the command; 2 if there is no such command.";
  page.examples = {
      {"Which commands there are", "btfc --help"},
      {"The BTF of a directory of modules, finalized",
       "btfc finalize --base vmlinux drivers/net/*.ko"},
  };
  page.see_also = {"btfc.conf(5)", "btfd(8)", "btfd.conf(5)"};
  for (const Page* command : CommandPages()) {
    page.see_also.push_back(absl::StrCat(command->file, "(1)"));
  }
  return page;
}

Page MakeBtfcConf() {
  Page page;
  page.file = "btfc.conf";
  page.number = "5";
  page.summary = "settings of btfc and resolve_btfids";
  page.description = R"(
Each line of the file is `name = value`, or empty; `#` begins a comment. Two files
are read, if they are there: /etc/btfd/btfc.conf, then btfc.conf in
$XDG_CONFIG_HOME/btfd, which is ~/.config/btfd if that variable is not set. What the
second says counts more. A variable of the environment, BTFD_NAME for the setting
name, counts more than both; set to nothing, it means the default. What a command
has as an option counts most.

A file of another user who is not root is not used, so that settings do not follow
`sudo -E`. A line that is wrong is told, once a minute, with its place; the setting
has its default, and the build goes on. `btfc config check` tells as well, and
`btfc config show` shows what holds.
)";
  page.help_option = false;
  manual::Section in_files = {"Settings", "", {}};
  manual::Section variables = {
      "Environment",
      "These are set in the environment only, since the daemon that a client "
      "starts must have them, too:",
      {}};
  for (const SettingInfo& info : ListSettings()) {
    std::string meaning = absl::StrCat(info.meaning, ".");
    if (info.kind == SettingKind::kSwitch) {
      absl::StrAppend(&meaning,
                      " 1 or 0, yes or no, on or off, true or false.");
    } else if (!info.choices.empty()) {
      absl::StrAppend(&meaning, " One of ", absl::StrJoin(info.choices, ", "),
                      ".");
    }
    absl::StrAppend(&meaning, " Default: ", info.default_value, ".");
    if (info.in_files) {
      in_files.entries.push_back({std::string(info.name), meaning});
    } else {
      variables.entries.push_back({VariableOf(info.name), meaning});
    }
  }
  page.sections = {in_files, variables, {"Example", R"(
  # All builds of this machine are of Linux 7.3.
  profile = 7.3
  # No pahole of another release may sneak in.
  encoder = native
  pahole_version = 1.32
)"}};
  page.see_also = {"btfc(1)", "btfc-config(1)", "btfd.conf(5)", "btfd(8)"};
  return page;
}

}  // namespace

std::vector<const Page*> CommandPages() {
  return {&ResolveBtfidsPage(), &FinalizePage(), &GenBtfPage(),
          &PaholePage(),        &DiffPage(),     &DumpPage(),
          &ExtractBasePage(),   &MinCorePage(),  &MinCoreBtfPage(),
          &VerifyPage(),        &ReportPage(),   &DoctorPage(),
          &DkmsPage(),          &BasePage(),     &CachePage(),
          &ConfigPage(),        &StatusPage(),   &StartPage(),
          &StopPage(),          &RestartPage()};
}

const Page& BtfcPage() {
  static const auto* const page = new Page(MakeBtfc());
  return *page;
}

const Page& BtfcConfPage() {
  static const auto* const page = new Page(MakeBtfcConf());
  return *page;
}

}  // namespace btfd::client
