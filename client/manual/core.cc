// SPDX-License-Identifier: Apache-2.0
#include "client/manual/pages.h"

namespace btfd::client {

namespace {

using manual::Page;

Page MakeExtractBase() {
  Page page;
  page.program = "btfc extract-base";
  page.file = "btfc-extract-base";
  page.summary = "take the base out of a vmlinuz";
  page.usage = {"btfc extract-base [--raw] KERNEL -o FILE"};
  page.description = R"(
Takes the base for module builds out of KERNEL: a vmlinuz (packed with gzip, xz,
zstd or lz4), a vmlinux, or the BTF that a running kernel shows as
/sys/kernel/btf/vmlinux. Put at `vmlinux` in the build directory, it is what
kbuild misses when it says "Skipping BTF generation".
)";
  page.options = {
      {"output", 'o', "FILE",
       "where to; an existing file is replaced as a whole"},
      {"raw", 0, "",
       "only the bytes of .BTF, which is all that BTF tools need, instead of "
       "the whole vmlinux"},
  };
  page.arguments = "KERNEL";
  page.exit_status = "0; 1 if something failed; 2 for a wrong call.";
  page.examples = {
      {"What the build directory of a kernel lacks",
       "btfc extract-base /boot/vmlinuz-$(uname -r) -o "
       "/lib/modules/$(uname -r)/build/vmlinux"},
      {"Only the BTF", "btfc extract-base --raw vmlinuz-7.3 -o 7.3.btf"},
  };
  page.see_also = {"btfc(1)", "btfc-doctor(1)", "btfc-base(1)"};
  return page;
}

Page MakeMinCore() {
  Page page;
  page.program = "btfc min-core";
  page.file = "btfc-min-core";
  page.summary = "cut kernels' BTF down to what BPF programs need";
  page.usage = {
      "btfc min-core [OPTION]... KERNEL [--module M.ko]... [KERNEL ...] -- "
      "PROG.bpf.o..."};
  page.description = R"(
Cuts the BTF of each KERNEL down to what the CO-RE relocations of the programs
need, so that it can be shipped with them to kernels without BTF: libbpf takes it
as btf_custom_path. KERNEL is raw BTF, a vmlinux, either of them compressed, a
vmlinuz, or `sha256:DIGEST`, a base that the daemon has or can get; a program is what `clang -target bpf -g` makes, in either byte order. The
bytes are those of bpftool's `gen min_core_btf`.
)";
  page.options = {
      {"output", 'o', "DIR",
       "write into DIR, which is made; the current directory if not given. "
       "NAME.btf is called as KERNEL is, with directories before it where two "
       "KERNELs have one name"},
      {"module", 0, "M.ko",
       "a module of the KERNEL before it: becomes NAME/M.btf, split BTF over "
       "NAME.btf; a module with .BTF.base is relocated"},
      {"each", 0, "",
       "an output for each program, NAME/PROG.btf (and NAME/PROG/M.btf), "
       "instead of one for all"},
      {"from-file", 0, "LIST",
       "read more KERNELs from LIST, one a line, or from stdin if it is -; a "
       "line that ends in .ko, .ko.xz, ... is a module of the KERNEL before "
       "it"},
      {"programs-from", 0, "LIST", "read more programs likewise"},
      {"jobs", 'j', "N",
       "work on N kernels at once; one a processor if not given"},
      {"json", 0, "",
       "a line of JSON for each kernel, then one with a summary"},
  };
  page.arguments = "KERNEL";
  page.sections = {{"", R"(
Where KERNEL and a module both have a type of the name that a program asks for,
the kernel's counts, as in libbpf.
)"}};
  page.exit_status =
      "0; 1 if anything failed, each being named with the reason; 2 for a "
      "wrong "
      "call; by the signal that interrupted it.";
  page.examples = {
      {"Two kernels, for one program",
       "btfc min-core -o btfs vmlinuz-7.2 vmlinuz-7.3 -- execsnoop.bpf.o"},
      {"A kernel and one of its modules, a file for each program",
       "btfc min-core -o btfs --each vmlinux --module drivers/net/dummy.ko -- "
       "*.bpf.o"},
  };
  page.see_also = {"btfc(1)", "btfc-min_core_btf(1)", "bpftool(8)"};
  return page;
}

Page MakeMinCoreBtf() {
  Page page;
  page.program = "btfc min_core_btf";
  page.file = "btfc-min_core_btf";
  page.summary = "do what bpftool's `gen min_core_btf` does";
  page.usage = {"btfc min_core_btf INPUT OUTPUT OBJECT..."};
  page.description = R"(
Does what `bpftool gen min_core_btf` does, with its bytes: writes to OUTPUT what
of the BTF in INPUT the CO-RE relocations of the OBJECTs need. INPUT may also be
compressed, or a vmlinuz. `btfc min-core` does so for many kernels at once, and
for modules.
)";
  page.exit_status = "0; 1 if it failed; 2 for a wrong call.";
  page.examples = {
      {"What one program needs of a kernel",
       "btfc min_core_btf vmlinuz-7.3 min.btf execsnoop.bpf.o"},
  };
  page.see_also = {"btfc(1)", "btfc-min-core(1)", "bpftool(8)"};
  return page;
}

}  // namespace

const Page& ExtractBasePage() {
  static const auto* const page = new Page(MakeExtractBase());
  return *page;
}

const Page& MinCorePage() {
  static const auto* const page = new Page(MakeMinCore());
  return *page;
}

const Page& MinCoreBtfPage() {
  static const auto* const page = new Page(MakeMinCoreBtf());
  return *page;
}

}  // namespace btfd::client
