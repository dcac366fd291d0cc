// SPDX-License-Identifier: Apache-2.0
#include "client/manual/pages.h"

namespace btfd::client {

namespace {

manual::Page MakePage() {
  manual::Page page;
  page.program = "btfc dkms";
  page.file = "btfc-dkms";
  page.summary = "build DKMS packages with BTF, without changes to them";
  page.usage = {"btfc dkms enable|disable [PACKAGE...]", "btfc dkms status",
                "btfc dkms sync [--off]", "btfc dkms variables DIRECTORY..."};
  page.description = R"(
Lets the modules of DKMS packages have .BTF, .BTF.base and resolved ids, without
changes to the packages: their builds get btfd's resolve_btfids and pahole.
)";
  page.verbs = {
      {"enable",
       "build these packages with btfd, or all; modules that are built already "
       "stay as they are until `dkms build --force`"},
      {"disable",
       "do not, or for no package: everything is as it was without btfd"},
      {"status",
       "which packages are built with btfd, for which kernels, and what BTF "
       "their modules have"},
      {"sync",
       "put a GNUmakefile into the build directory of each kernel, or remove "
       "it, as the configuration says; called after headers are installed. A "
       "GNUmakefile that is not btfd's, or was edited, is left alone, and so "
       "are kernel trees outside of /usr/src and /usr/lib/modules"},
      {"variables",
       "what make is told for a build in one of these directories; called by "
       "btfd's kbuild.mk"},
  };
  page.options = {
      {"off", 0, "", "sync: remove them all, whatever the configuration says"},
      {"root", 0, "DIR", "take DIR for /"},
      {"library", 0, "DIR",
       "btfd's files for kernel builds; if not given, ../lib/btfd beside the "
       "directory of btfc"},
  };
  page.arguments = "";
  page.sections = {{"", R"(
Which packages are built so is said by one line of /etc/btfd/kbuild.conf, which
enable and disable change: `dkms = all`, `dkms = none`, `dkms = NAME NAME`, `dkms =
all -NAME`.
)"}};
  page.exit_status = "0; 1 if a file could not be written; 2 for a wrong call.";
  page.examples = {
      {"All DKMS packages of this machine, from now on", "btfc dkms enable"},
      {"All but one", "btfc dkms disable v4l2loopback"},
      {"What came of it", "btfc dkms status"},
  };
  page.see_also = {"btfc(1)", "resolve_btfids(1)", "btfc-pahole(1)",
                   "btfc-verify(1)", "dkms(8)"};
  return page;
}

}  // namespace

const manual::Page& DkmsPage() {
  static const auto* const page = new manual::Page(MakePage());
  return *page;
}

}  // namespace btfd::client
