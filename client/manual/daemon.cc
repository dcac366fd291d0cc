// SPDX-License-Identifier: Apache-2.0
#include "client/manual/pages.h"

namespace btfd::client {

namespace {

using manual::Page;

Page MakeBase() {
  Page page;
  page.program = "btfc base";
  page.file = "btfc-base";
  page.summary = "add, list and remove the bases that the daemon holds";
  page.usage = {"btfc base add FILE", "btfc base list [--json]",
                "btfc base remove DIGEST"};
  page.description =
      "The bases that the daemon holds: BTF of vmlinux, by its SHA-256.";
  page.verbs = {
      {"add FILE",
       "hand one over ahead of the first module: an ELF file with .BTF "
       "(vmlinux), raw BTF, or a boot image (vmlinuz); prints its digest"},
      {"list", "digest, size, requests since the daemon started, origin"},
      {"remove DIGEST",
       "forget one, in memory and in the store; a beginning of the digest is "
       "enough if only one base has it"},
  };
  page.options = {{"json", 0, "", "list: an array of objects"}};
  page.exit_status = "0, or 1 if something failed, or 2 for a wrong call.";
  page.examples = {
      {"Before a build, so that its first module need not wait",
       "btfc base add vmlinux"},
      {"What the daemon holds", "btfc base list"},
      {"Forget the one that is listed first",
       "btfc base remove $(btfc base list | head -n 1 | cut -d ' ' -f 1)"},
  };
  page.see_also = {"btfc(1)", "btfc-cache(1)", "btfc-dump(1)", "btfd(8)"};
  return page;
}

Page MakeCache() {
  Page page;
  page.program = "btfc cache";
  page.file = "btfc-cache";
  page.summary = "prove, count and clear the results that the daemon keeps";
  page.usage = {"btfc cache stats [--json]",
                "btfc cache verify [--sample N] [--json]", "btfc cache clear"};
  page.description = R"(
The results that the daemon keeps, so that a module which was finalized before is
not worked on again.
)";
  page.verbs = {
      {"stats",
       "how many there are, what they weigh, and how often they served"},
      {"verify",
       "compute them anew and compare, byte for byte; a wrong one is named and "
       "deleted. Not judged are those whose base the daemon does not have any "
       "more, and those of another version of it"},
      {"clear", "delete all of them; bases stay (see `btfc base remove`)"},
  };
  page.options = {
      {"sample", 0, "N", "verify: a random N of them"},
      {"json", 0, "", "one object of JSON"},
  };
  page.arguments = "";
  page.sections = {{"", R"(
In daily use the daemon looks at one in 500 hits by itself (its option
verify_hits); `stats` says what came of that.
)"}};
  page.exit_status =
      "0; 1 if a result was wrong, or something failed; 2 for a wrong call.";
  page.examples = {
      {"What there is", "btfc cache stats"},
      {"Whether a hundred of them are still right",
       "btfc cache verify --sample 100"},
      {"Begin anew", "btfc cache clear"},
  };
  page.see_also = {"btfc(1)", "btfc-base(1)", "btfc-status(1)", "btfd.conf(5)"};
  return page;
}

Page MakeConfig() {
  Page page;
  page.program = "btfc config";
  page.file = "btfc-config";
  page.summary = "show the settings and their places, and check their files";
  page.usage = {"btfc config show [--json]",
                "btfc config check [--client | --daemon] FILE..."};
  page.description = R"(
The settings of the client and of the daemon. Each comes from the command line,
else from the environment (BTFD_NAME), else from a line `name = value` of a file:
btfc.conf is the client's, btfd.conf the daemon's; the user's, in
$XDG_CONFIG_HOME/btfd, counts more than the system's, in /etc/btfd.
)";
  page.verbs = {
      {"show",
       "every setting, its value, and where that comes from; what is wrong in "
       "the files and in the environment. Of the daemon it is what one would "
       "have that is started here and now"},
      {"check FILE...",
       "look for mistakes in files, whose names tell what they are: btfc.conf, "
       "btfd.conf, or kbuild.conf (`btfc dkms`)"},
  };
  page.options = {
      {"client", 0, "",
       "check: they are the client's files, whatever their names"},
      {"daemon", 0, "", "check: they are the daemon's"},
      {"json", 0, "", "show: one object of JSON"},
  };
  page.exit_status =
      "0; 1 if a file that was checked has a mistake, each being told with its "
      "line, or something failed; 2 for a wrong call.";
  page.examples = {
      {"What holds here, and why", "btfc config show"},
      {"A file that is about to be installed",
       "btfc config check --daemon btfd.conf.new"},
  };
  page.see_also = {"btfc(1)", "btfc.conf(5)", "btfd.conf(5)", "btfc-doctor(1)"};
  return page;
}

Page MakeStatus() {
  Page page;
  page.program = "btfc status";
  page.file = "btfc-status";
  page.summary = "say what the daemon is, holds and has done";
  page.usage = {"btfc status [--json]"};
  page.description = R"(
Says what the daemon is, holds and has done. What counts since the store was made,
over all daemons, is in parentheses.
)";
  page.options = {{"json", 0, "", "everything, as one object of JSON"}};
  page.arguments = "";
  page.exit_status = "0, or 1 if no daemon runs.";
  page.examples = {
      {"For people", "btfc status"},
      {"For programs", "btfc status --json"},
  };
  page.see_also = {"btfc(1)", "btfc-start(1)", "btfc-cache(1)", "btfd(8)"};
  return page;
}

Page MakeStart() {
  Page page;
  page.program = "btfc start";
  page.file = "btfc-start";
  page.summary = "start the daemon, unless it runs";
  page.usage = {"btfc start"};
  page.description = R"(
Starts the daemon, unless it runs. Clients do that by themselves; here it is done
ahead of them, and those that were told to wait after a failure need not do so any
longer. The program is BTFD_DAEMON, else the btfd beside btfc, else the one in
PATH.
)";
  page.arguments = "";
  page.exit_status = "0 if it runs now, else 1.";
  page.examples = {{"Ahead of a build", "btfc start"}};
  page.see_also = {"btfc(1)", "btfc-stop(1)", "btfc-restart(1)",
                   "btfc-status(1)", "btfd(8)"};
  return page;
}

Page MakeStop() {
  Page page;
  page.program = "btfc stop";
  page.file = "btfc-stop";
  page.summary = "stop the daemon";
  page.usage = {"btfc stop"};
  page.description = R"(
Lets the daemon end the work that it has in hand, and waits until it is gone. One
that does not answer is ended by force; clients go on without it.
)";
  page.arguments = "";
  page.exit_status = "0 if none runs now, else 1.";
  page.examples = {{"Before a new btfd is put in its place", "btfc stop"}};
  page.see_also = {"btfc(1)", "btfc-start(1)", "btfc-restart(1)"};
  return page;
}

Page MakeRestart() {
  Page page;
  page.program = "btfc restart";
  page.file = "btfc-restart";
  page.summary = "stop the daemon and start it anew";
  page.usage = {"btfc restart"};
  page.description =
      "Stops the daemon, as `btfc stop` does, if it runs, and starts it.";
  page.arguments = "";
  page.exit_status = "0 if a new one runs now, else 1.";
  page.examples = {{"After a change of its settings", "btfc restart"}};
  page.see_also = {"btfc(1)", "btfc-start(1)", "btfc-stop(1)", "btfd.conf(5)"};
  return page;
}

}  // namespace

const Page& BasePage() {
  static const auto* const page = new Page(MakeBase());
  return *page;
}

const Page& CachePage() {
  static const auto* const page = new Page(MakeCache());
  return *page;
}

const Page& ConfigPage() {
  static const auto* const page = new Page(MakeConfig());
  return *page;
}

const Page& RestartPage() {
  static const auto* const page = new Page(MakeRestart());
  return *page;
}

const Page& StartPage() {
  static const auto* const page = new Page(MakeStart());
  return *page;
}

const Page& StatusPage() {
  static const auto* const page = new Page(MakeStatus());
  return *page;
}

const Page& StopPage() {
  static const auto* const page = new Page(MakeStop());
  return *page;
}

}  // namespace btfd::client
