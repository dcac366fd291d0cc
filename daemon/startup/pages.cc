// SPDX-License-Identifier: Apache-2.0
#include "daemon/startup/pages.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "daemon/startup/options.h"

namespace btfd::daemon {

namespace {

using manual::Page;

std::vector<manual::Entry> Options(bool in_files) {
  std::vector<manual::Entry> entries;
  for (const OptionInfo& option : ListOptions()) {
    if (in_files && option.name == "config") continue;
    entries.push_back(
        {std::string(option.name),
         absl::StrCat(option.meaning, "; default: ", option.default_value)});
  }
  return entries;
}

Page MakeBtfd() {
  Page page;
  page.program = "btfd";
  page.file = "btfd";
  page.number = "8";
  page.summary = "keep kernels' BTF parsed and finalize modules' BTF over it";
  page.usage = {"btfd [--check | --show-settings] [--NAME=VALUE...]",
                "btfd --check-config FILE..."};
  page.description = R"(
Finalizes the BTF of kernel modules for the clients of one user, btfc and
resolve_btfids. Nobody has to start it: the first client does, and it ends by
itself when it had no work for some hours.
)";
  page.options = {
      {"check", 0, "",
       "start, say what is wrong with the settings, a line for each, and end"},
      {"check-config", 0, "FILE",
       "say what is wrong with a configuration file, a line for each, and end"},
      {"show-settings", 0, "",
       "print all settings for `btfc config show`, and end"},
      {"version", 0, "", "say which btfd this is"},
      {"help", 0, "", "print a summary of this page"},
  };
  page.help_option = false;
  page.sections = {{"Settings",
                    "Each as --name=value, else as BTFD_NAME in the "
                    "environment, else as `name = value` in the user's "
                    "configuration file, else so in the system's. Sizes take "
                    "K, M, G; times are seconds or such as 90s, 15m, 3h.",
                    Options(/*in_files=*/false)},
                   {"Signals", R"(
SIGTERM and SIGINT end it once the requests in flight are done; drain_timeout says
how long that may take. SIGHUP opens the log file anew.
)"}};
  page.exit_status =
      "0, also if another daemon serves already; 1 if it cannot start, or "
      "--check or --check-config found something; 2 for an argument that is no "
      "option.";
  page.examples = {
      {"Whether the settings are right", "btfd --check"},
      {"Whether a file is right that is about to be installed",
       "btfd --check-config btfd.conf.new"},
      {"As a supervisor starts it, with a page at port 9464",
       "btfd --foreground --metrics_listen=127.0.0.1:9464"},
  };
  page.see_also = {"btfd.conf(5)", "btfc(1)", "btfc-config(1)",
                   "btfc-status(1)", "btfc.conf(5)"};
  return page;
}

Page MakeBtfdConf() {
  Page page;
  page.file = "btfd.conf";
  page.number = "5";
  page.summary = "settings of the btfd daemon";
  page.description = R"(
Each line of the file is `name = value`, or empty; `#` begins a comment. Two files
are read, if they are there: /etc/btfd/btfd.conf, then btfd.conf in
$XDG_CONFIG_HOME/btfd, which is ~/.config/btfd if that variable is not set. What the
second says counts more. A variable of the environment, BTFD_NAME for the setting
name, counts more than both, and a flag most. If `config` names a file, by flag or by
variable, it is read instead of the two.

A file of another user who is not root is not used. A line that is wrong is told by
clients, once a minute, by `btfc status` and by `btfc doctor`; the setting has its
default. `btfc config check` looks for mistakes, and `btfc config show` shows what
holds. A daemon reads its settings when it starts: `btfc restart`.

Sizes are bytes, and take K, M, G. Times are seconds, or such as 90s, 15m, 3h.
)";
  page.help_option = false;
  page.sections = {{"Settings", "", Options(/*in_files=*/true)}, {"Example", R"(
  # This machine has little memory.
  max_resident_base_bytes = 64M
  idle_exit = 15m
  # Others have done the work already.
  remote_cache = grpcs://cache.example:9092
)"}};
  page.see_also = {"btfd(8)", "btfc(1)", "btfc-config(1)", "btfc.conf(5)"};
  return page;
}

}  // namespace

const Page& BtfdPage() {
  static const auto* const page = new Page(MakeBtfd());
  return *page;
}

const Page& BtfdConfPage() {
  static const auto* const page = new Page(MakeBtfdConf());
  return *page;
}

}  // namespace btfd::daemon
