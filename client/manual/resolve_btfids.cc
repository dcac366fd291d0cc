// SPDX-License-Identifier: Apache-2.0
#include "client/manual/pages.h"

namespace btfd::client {

namespace {

manual::Page MakePage() {
  manual::Page page;
  page.program = "resolve_btfids";
  page.file = "resolve_btfids";
  page.summary = "do what the kernel's tool of that name does";
  page.usage = {"resolve_btfids [OPTION]... ELF",
                "resolve_btfids --patch_btfids FILE ELF"};
  page.description = R"(
Finalizes the BTF of a kernel module, or of vmlinux, as the kernel's
resolve_btfids does, by the btfd daemon. `btfc resolve_btfids` and a link of that
name to btfc are the same.
)";
  page.options = {
      {"btf_base", 'b', "FILE",
       "the base: an ELF file with .BTF (vmlinux), or raw BTF"},
      {"btf", 0, "FILE", "read the BTF from FILE instead of from ELF"},
      {"distill_base", 0, "", "make .BTF.base out of the base as well"},
      {"patch_btfids", 0, "FILE",
       "write FILE into ELF's .BTF_ids section, and do no more"},
      {"fatal_warnings", 0, "",
       "warnings are errors (where the kernel's tool means it)"},
      {"verbose", 'v', "", "say more; can be given more than once"},
      {"version", 0, "", "say which btfd this is of"},
  };
  page.help_option = false;
  page.arguments = "ELF";
  page.sections = {{"", R"(
Linux 7 leaves ELF.BTF, ELF.BTF_ids and ELF.BTF.base beside ELF; Linux 6 patches
.BTF_ids inside ELF. Which one is meant is told by BTFD_PROFILE (6.x, 7.0, 7.1,
7.2, 7.3), else by kbuild's KERNELVERSION, else by the arguments.
)"}};
  page.exit_status =
      "0, or 255 if something failed, or 129 after the text that says what the "
      "options are.";
  page.examples = {
      {"In a build of modules, instead of the kernel's own tool",
       "make -C /lib/modules/$(uname -r)/build M=$PWD "
       "RESOLVE_BTFIDS=$(command -v resolve_btfids)"},
      {"One module, as Linux 7.3 does; leaves vpoll.ko.BTF and others",
       "BTFD_PROFILE=7.3 resolve_btfids --distill_base --btf_base vmlinux "
       "vpoll.ko"},
      {"Write the ids into the module",
       "resolve_btfids --patch_btfids vpoll.ko.BTF_ids vpoll.ko"},
  };
  page.see_also = {"btfc(1)", "btfc-finalize(1)", "btfc-gen-btf(1)",
                   "btfc.conf(5)", "btfd(8)"};
  return page;
}

}  // namespace

const manual::Page& ResolveBtfidsPage() {
  static const auto* const page = new manual::Page(MakePage());
  return *page;
}

}  // namespace btfd::client
