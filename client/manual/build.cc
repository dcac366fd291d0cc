// SPDX-License-Identifier: Apache-2.0
#include "client/manual/pages.h"

namespace btfd::client {

namespace {

using manual::Page;

constexpr char kTraceFile[] =
    "write what the time was spent on, here and in the daemon, and what was "
    "waited for, as Chrome's trace events: Perfetto and chrome://tracing show "
    "them; costs nothing without";

Page MakeFinalize() {
  Page page;
  page.program = "btfc finalize";
  page.file = "btfc-finalize";
  page.summary = "finalize modules, many at once, and put the BTF into them";
  page.usage = {"btfc finalize [OPTION]... MODULE..."};
  page.description = R"(
Finalizes the BTF of modules and puts it into them: .BTF, .BTF.base where that is
asked for, and .BTF_ids. A module is the old one or the whole new one, whatever
happens meanwhile. Those that were finalized before can be finalized again, and
twice is the same as once; only dedup, like upstream's, may find more the second
time.
)";
  page.options = {
      {"base", 0, "FILE",
       "the base: an ELF file with .BTF (vmlinux), raw BTF, or a boot image "
       "(vmlinuz), unpacked each time; without it a module must be complete in "
       "itself"},
      {"btf", 0, "FILE",
       "read the BTF from FILE, not from the module; for one module"},
      {"distill",
       0,
       "WHEN",
       "make .BTF.base out of the base: always, never, or auto, which is when "
       "kbuild builds an external module (KBUILD_EXTMOD is set); auto if not "
       "given",
       {"always", "never", "auto"}},
      {"dedup", 0, "",
       "deduplicate the types against the base, also where the profile does "
       "not (7.3 always does)"},
      {"profile",
       0,
       "P",
       "do as Linux P does: 6.x, 7.0, 7.1, 7.2, 7.3, or a whole kernel "
       "version; "
       "else BTFD_PROFILE, else KERNELVERSION, else 7.2",
       {"6.x", "7.0", "7.1", "7.2", "7.3"}},
      {"drop-signature", 0, "",
       "take the signature off a signed module; without this such a module is "
       "refused, since finalizing it makes the signature wrong: finalize, then "
       "sign"},
      {"sync", 0, "",
       "wait until the disk has each new module before it takes the old one's "
       "name, so that a power cut leaves the old one or the whole new one; "
       "without this a module can be empty after a power cut"},
      {"output", 0, "FILE",
       "write there and leave the module alone; for one module; a device, a "
       "pipe or /dev/stdout is written to as it is"},
      {"from-file", 0, "LIST",
       "read paths from LIST, one a line, or from stdin if it is -; the lines "
       "of modules.order are understood"},
      {"jobs", 'j', "N", "have N modules under way at once; 64 if not given"},
      {"json", 0, "",
       "a line of JSON for each module, then one with a summary"},
      {"trace_file", 0, "FILE", kTraceFile},
  };
  page.arguments = "MODULE";
  page.sections = {{"", R"(
Environment: BTFD_REQUIRE=1 fails rather than work without the shared daemon;
BTFD_DISABLE=1 works without it; BTFD_RESULT_CACHE=0 takes nothing from the
result cache; BTFD_DAEMON names the daemon's program. These can stand in files
as well (btfc config).

Where a module cannot be replaced (a mount point, a directory that cannot be
written to, no room for a second copy) it is overwritten, and that is said. After
Ctrl-C it says what was done, and how many modules are left as they were.
)"}};
  page.exit_status =
      "0; 1 if any module failed, each being named with the reason; 2 for a "
      "wrong call; by the signal that interrupted it.";
  page.examples = {
      {"All modules of a directory, in place",
       "btfc finalize --base vmlinux drivers/net/*.ko"},
      {"A module that is to fit other builds of the kernel as well",
       "btfc finalize --base vmlinux --dedup --distill=always --drop-signature "
       "vpoll.ko"},
      {"The modules that a build has listed, with a line of JSON for each",
       "btfc finalize --base vmlinux --from-file modules.order --json"},
      {"What the time goes to, for Perfetto",
       "btfc finalize --trace_file trace.json --base vmlinux drivers/net/*.ko"},
  };
  page.see_also = {"btfc(1)", "btfc-gen-btf(1)", "btfc-verify(1)",
                   "resolve_btfids(1)", "btfc.conf(5)"};
  return page;
}

Page MakeGenBtf() {
  Page page;
  page.program = "btfc gen-btf";
  page.file = "btfc-gen-btf";
  page.summary = "make the BTF of a module or vmlinux, as the kernel's script";
  page.usage = {"btfc gen-btf [OPTION]... [--btf_base FILE] ELF..."};
  page.description = R"(
Makes the finished BTF of linked modules or of vmlinux out of their DWARF, as
scripts/gen-btf.sh of the kernel does and with the same bytes, but without pahole:
it does itself what a call of ${PAHOLE} ${PAHOLE_FLAGS} would. With --btf_base,
ELFs are modules: .BTF, .BTF.base and .BTF_ids end up in them. Without, each ELF
is a vmlinux and stays as it is: ELF.btf.o and ELF.BTF_ids are left beside it.
)";
  page.options = {
      {"btf_base", 0, "FILE", "the vmlinux that the modules are for"},
      {"from-file", 0, "LIST",
       "read paths from LIST, one a line, or from stdin if it is -; the lines "
       "of modules.order are understood"},
      {"jobs", 'j', "N",
       "encode N files at once; as many as there are processors if not given. "
       "A vmlinux alone is read by N threads; if not given, by as many as "
       "make's jobserver has free, else as PAHOLE_FLAGS says"},
      {"json", 0, "", "a line of JSON for each file, then one with a summary"},
      {"trace_file", 0, "FILE", kTraceFile},
      {"explain",
       0,
       "FILE",
       "say which functions got no FUNC, why, and where they are in DWARF: on "
       "stderr, or at the end of FILE",
       {},
       /*optional_argument=*/true,
       /*parsed_elsewhere=*/true},
      {"require-kfuncs",
       0,
       "",
       "fail where a kfunc of .BTF_ids got no FUNC, instead of warning of it",
       {},
       /*optional_argument=*/false,
       /*parsed_elsewhere=*/true},
      {"upstream-exact", 0, "",
       "where the real pahole has to encode (see below), let it read the base "
       "as well, which is slower: byte for byte what upstream's script gives. "
       "What is encoded here is that anyway"},
  };
  page.arguments = "ELF";
  page.sections = {{"", R"(
The bytes are those of one release of pahole: 1.24, 1.30, 1.31 or 1.32, as
BTFD_PAHOLE_VERSION says; else of the pahole that PAHOLE or BTFD_PAHOLE names or
that is in PATH; else of 1.32. What cannot be encoded here (dwz, LTO, an unknown
option, ...) is left to that pahole, if there is one; BTFD_ENCODER=pahole leaves
all to it, BTFD_ENCODER=native nothing.

From the environment, as kbuild exports them: PAHOLE, PAHOLE_FLAGS,
PAHOLE_LANG_EXCLUDE, RESOLVE_BTFIDS_FLAGS, KERNELVERSION, KBUILD_VERBOSE.
)"}};
  page.exit_status =
      "0; of one file what upstream's script ends with; of several 1 if any "
      "failed, each being named with the reason; 2 for a wrong call; by the "
      "signal that interrupted it.";
  page.examples = {
      {"A module that was just linked",
       "btfc gen-btf --btf_base vmlinux hello.ko"},
      {"Which of its functions BPF programs cannot use, and why",
       "btfc gen-btf --explain=missing.txt --btf_base vmlinux hello.ko"},
      {"With the bytes of Debian 12's pahole",
       "BTFD_PAHOLE_VERSION=1.24 btfc gen-btf --btf_base vmlinux hello.ko"},
  };
  page.see_also = {"btfc(1)", "btfc-pahole(1)", "btfc-finalize(1)",
                   "btfc.conf(5)"};
  return page;
}

Page MakePahole() {
  Page page;
  page.program = "btfc pahole";
  page.file = "btfc-pahole";
  page.summary = "stand in for pahole where it encodes BTF";
  page.usage = {"btfc pahole ARGUMENT...",
                "pahole ARGUMENT...    (a link of that name to btfc)"};
  page.description = R"(
Stands in for pahole where a kernel is built. A call that encodes BTF (-J) is
done here, with the bytes of the pahole that is stood for: that of
BTFD_PAHOLE_VERSION (1.24, 1.30, 1.31, 1.32), else the real one that is found,
else 1.32. Every other call, and what cannot be encoded here, is the real
pahole's, with its arguments as they are; its own help is that of `pahole
--help`.
)";
  page.options = {
      {"explain",
       0,
       "FILE",
       "say which functions got no FUNC, why, and where they are in DWARF: on "
       "stderr, or at the end of FILE",
       {},
       /*optional_argument=*/true,
       /*parsed_elsewhere=*/true},
      {"require-kfuncs",
       0,
       "",
       "fail where a kfunc of .BTF_ids got no FUNC, instead of warning of it",
       {},
       /*optional_argument=*/false,
       /*parsed_elsewhere=*/true},
  };
  page.sections = {{"", R"(
The real pahole is BTFD_PAHOLE, a path or a name, else the first in PATH that does
not lead back here.
)"}};
  page.exit_status =
      "the real pahole's; 127 if there is none; with BTFD_REQUIRE=1 also 1 "
      "where "
      "the daemon could not do its part.";
  page.examples = {
      {"In a build, where the first pahole in PATH is a link to btfc",
       "make -C /lib/modules/$(uname -r)/build M=$PWD "
       "PAHOLE=$(command -v pahole)"},
      {"The BTF of a module's DWARF, over the kernel's",
       "btfc pahole -J --btf_base vmlinux hello.ko"},
      {"Which release it stands for",
       "BTFD_PAHOLE_VERSION=1.30 btfc pahole --version"},
  };
  page.see_also = {"btfc(1)", "btfc-gen-btf(1)", "btfc.conf(5)", "pahole(1)"};
  return page;
}

}  // namespace

const Page& FinalizePage() {
  static const auto* const page = new Page(MakeFinalize());
  return *page;
}

const Page& GenBtfPage() {
  static const auto* const page = new Page(MakeGenBtf());
  return *page;
}

const Page& PaholePage() {
  static const auto* const page = new Page(MakePahole());
  return *page;
}

}  // namespace btfd::client
