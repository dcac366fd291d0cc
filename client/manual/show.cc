// SPDX-License-Identifier: Apache-2.0
#include "client/manual/pages.h"

namespace btfd::client {

namespace {

using manual::Page;

Page MakeDiff() {
  Page page;
  page.program = "btfc diff";
  page.file = "btfc-diff";
  page.summary = "say what changed between the types of two kernels or modules";
  page.usage = {
      "btfc diff [--json] [--base FILE [--base FILE]] [--modules DIR] A B"};
  page.description = R"(
Says what changed from A to B, two kernels or two modules: files as `btfc dump`
takes them. Types are found by name, never by number: structs and unions (size;
members added, removed, moved, retyped), enums, typedefs, functions (prototypes),
variables, and kfuncs with their flags. What has no name is compared where it is
used. What a named type is made of is compared there: a struct is not changed
because one that lies in it is.
)";
  page.options = {
      {"base", 0, "FILE",
       "what A and B stand on, if they are modules without .BTF.base; given "
       "twice, the second is B's"},
      {"modules", 0, "DIR",
       "say which modules in DIR, made for A, refer to something that changed, "
       "or to something that it lies in; and whether they still relocate onto "
       "B"},
      {"json", 0, "", "one line of JSON"},
  };
  page.sections = {{"", R"(
  + struct new_one       only in B
  - function old_one     only in A
  struct both: 16 -> 24 bytes
    + b: long at 8       a member that A does not have
    - c: int at 12       one that B does not have
    > d: 8 bytes further moved
    ~ e: int -> long     another type

Kfuncs are what the sets of .BTF_ids say, with their flags, if both files have it
with its symbols (modules do, and a vmlinux that is not stripped); else what is
tagged as one in both BTFs.
)"}};
  page.exit_status = "0 if nothing changed, 1 if something did, 2 for trouble.";
  page.examples = {
      {"Two releases of a kernel", "btfc diff vmlinuz-7.2 vmlinuz-7.3", 1},
      {"Which modules of the older one the newer one would refuse",
       "btfc diff --modules drivers/net vmlinux vmlinuz-7.3", 1},
  };
  page.see_also = {"btfc(1)", "btfc-dump(1)", "btfc-verify(1)"};
  return page;
}

Page MakeDump() {
  Page page;
  page.program = "btfc dump";
  page.file = "btfc-dump";
  page.summary = "show the types of modules and kernels, as bpftool does";
  page.usage = {
      "btfc dump [--format raw|c|json] [--base FILE | --relocate FILE] [--type "
      "NAME]... [--id N]... FILE..."};
  page.description = R"(
Shows the types of each FILE: a module or vmlinux (ELF), raw BTF, either of them
compressed (gzip, xz, zstd, lz4), a vmlinuz, or sha256:DIGEST, a base that the
daemon holds (`btfc base list`), or can get from a remote one.
)";
  page.options = {
      {"format",
       0,
       "FORMAT",
       "raw, the default: what `bpftool btf dump` prints; c: a header for C "
       "and "
       "for BPF programs, a vmlinux.h; json: an object in a line for each "
       "FILE, "
       "with its types as `bpftool --json btf dump` has them",
       {"raw", "c", "json"}},
      {"base", 0, "FILE",
       "show modules over the base they were made with; their own types alone "
       "are shown, those of the base only by --type"},
      {"relocate", 0, "FILE",
       "show modules with .BTF.base as the kernel FILE will have them after it "
       "has loaded them; without this or --base a module with .BTF.base is "
       "shown over that"},
      {"type", 0, "NAME",
       "show the types of that name, and before each what it needs: all of it, "
       "but of a struct or union that a pointer leads to the name alone, as a "
       "FWD; in C, functions and variables are declared, and what has no name "
       "is called type_N; `struct NAME`, `union NAME`, `enum NAME` and "
       "`typedef "
       "NAME` ask for that kind"},
      {"id", 0, "N", "the same for the type with that number"},
  };
  page.exit_status = "0; 1 if something failed; 2 for a wrong call.";
  page.examples = {
      {"A header for BPF programs",
       "btfc dump --format c /boot/vmlinuz-$(uname -r) > vmlinux.h"},
      {"One struct of a kernel",
       "btfc dump --format c --type 'struct sk_buff' vmlinux"},
      {"A module's types, as another kernel will have them after load",
       "btfc dump --relocate vmlinuz-7.3 vpoll.ko"},
  };
  page.see_also = {"btfc(1)", "btfc-diff(1)", "btfc-base(1)", "bpftool(8)"};
  return page;
}

Page MakeReport() {
  Page page;
  page.program = "btfc report";
  page.file = "btfc-report";
  page.summary = "say where the bytes of modules' BTF are";
  page.usage = {
      "btfc report [--html FILE] [--json] [--base FILE] MODULE...",
      "btfc report [--html FILE] [--json] --kernel VERSION [--root DIR]"};
  page.description = R"(
Says where the bytes of modules' BTF are: by module and by kind of type; what of it
the base has as well, what several modules have, and what is one module's own; what
would go by dedup against the base, and what a .BTF.base would take besides (both are
computed, by the engine that finalizes); which types are repeated most, and in how
many modules; and how many functions have no FUNC, and why.
)";
  page.options = {
      {"base", 0, "FILE",
       "what the modules stand on: a file as `btfc dump` takes it. A module "
       "with .BTF.base needs none"},
      {"kernel", 0, "VERSION",
       "all modules of that installed kernel over its boot image, as `btfc "
       "verify --kernel` finds them"},
      {"root", 0, "DIR",
       "look for it in the system whose root directory is DIR"},
      {"html", 0, "FILE",
       "write a page with a treemap and a search box, too: one file that needs "
       "no other"},
      {"top", 0, "N",
       "name so many modules and types in the tables; 20 if not given"},
      {"from-file", 0, "LIST",
       "read paths from LIST, one a line, or from stdin if it is -; the lines "
       "of modules.order are understood"},
      {"json", 0, "",
       "a line of JSON for each module, with the functions that have no FUNC, "
       "then one with a summary"},
  };
  page.arguments = "MODULE";
  page.sections = {{"", R"(
Two types count as the same if they have the same kind, name, size and parts, and
these refer to types of the same names.

Which functions have no FUNC is told by the symbol table. Why, is told by DWARF, where
a module has it; without that the symbols show the most frequent reason alone: that
the compiler made another function of one (.isra, .constprop).

Modules that carry types of the base were not deduplicated against it. If all of an
x86 kernel do, pahole up to 1.31 made their BTF of what gcc 14 or newer compiled: a
pointer into per-CPU data is a type of its own in DWARF, which BTF cannot say, and
dedup takes the two PTRs to one type for a difference. btfc finalize --dedup takes
the copies out.
)"}};
  page.exit_status =
      "0; 1 if a module could not be read, each being named; 2 for a wrong "
      "call.";
  page.examples = {
      {"A directory of modules, with a page for a browser",
       "btfc report --html report.html --base vmlinux drivers/net/*.ko"},
      {"The running kernel, the ten largest of each",
       "btfc report --top 10 --kernel $(uname -r)"},
  };
  page.see_also = {"btfc(1)", "btfc-diff(1)", "btfc-verify(1)",
                   "btfc-gen-btf(1)"};
  return page;
}

Page MakeVerify() {
  Page page;
  page.program = "btfc verify";
  page.file = "btfc-verify";
  page.summary = "prove that the BTF of modules fits the bases it will meet";
  page.usage = {"btfc verify --against BASE [--against BASE]... MODULE...",
                "btfc verify --kernel VERSION [--root DIR]"};
  page.description = R"(
Proves, before anything ships, that modules will have BTF on the kernels they are
meant for, by doing what the kernel does at load:

1. The BTF must be one that libbpf reads, without an id or a string beyond the
last one.
2. The kernel's parser must find nothing in it that it refuses: a name that is no
identifier, an enum of three bytes, a member that starts behind its struct, bytes
that belong to no section. BASE says which kernel's rules these are.
3. A module with .BTF.base must relocate onto the base; one without must parse
over it, and fits none but the base it was made with, which this alone cannot
prove.
4. The kernel must find nothing in the module's kfunc sets that keeps it from
registering them: an entry without an id, a name of a function of its own.

A MODULE is a .ko, .ko.gz, .ko.xz or .ko.zst, signed or not; none is changed.
)";
  page.options = {
      {"against", 0, "BASE",
       "a kernel's BTF: an ELF file with .BTF (vmlinux), a boot image "
       "(vmlinuz), or raw BTF, such as /sys/kernel/btf/vmlinux; may be given "
       "many times"},
      {"kernel", 0, "VERSION",
       "all modules of that installed kernel, DKMS's included, against its "
       "boot "
       "image, before it is booted: names those that would be refused, with "
       "the "
       "packages that brought them; needs no daemon"},
      {"root", 0, "DIR",
       "look for that kernel in the system whose root directory is DIR, such "
       "as "
       "an image that is mounted there"},
      {"from-file", 0, "LIST",
       "read paths from LIST, one a line, or from stdin if it is -; the lines "
       "of modules.order are understood"},
      {"json", 0, "",
       "a line of JSON for each module and base, then one with a summary"},
  };
  page.arguments = "MODULE";
  page.sections = {{"", R"(
A line for each module and base says how many types the module has, and how many
were judged in step 2, those of .BTF.base included. With --kernel there are lines of
those modules alone that do not fit, and a summary. It looks for the kernel's BTF in
/boot/vmlinuz-VERSION, /lib/modules/VERSION/vmlinuz, /boot/vmlinux-VERSION,
/usr/lib/debug and the build directory, and takes the first that has any. A module
without BTF loads everywhere, and is only counted.
)"}};
  page.exit_status =
      "0; 1 if any module does not fit any base, each being named with the "
      "type "
      "that fails and why; 2 for a wrong call.";
  page.examples = {
      {"A directory of modules, for the kernel that they were made with",
       "btfc verify --against vmlinux drivers/net/*.ko"},
      {"A module that is to fit two kernels",
       "btfc verify --against vmlinux --against /boot/vmlinuz-$(uname -r) "
       "vpoll.ko"},
      {"All modules of the running kernel, DKMS's included",
       "btfc verify --kernel $(uname -r)"},
  };
  page.see_also = {"btfc(1)", "btfc-doctor(1)", "btfc-diff(1)"};
  return page;
}

Page MakeDoctor() {
  Page page;
  page.program = "btfc doctor";
  page.file = "btfc-doctor";
  page.summary = "say what keeps modules from having BTF here";
  page.usage = {"btfc doctor [--fix] [BUILD-DIRECTORY | MODULE]"};
  page.description = R"(
Says what stands between this machine and kernel modules with working BTF, and
what to do about it. Looks at the build directory (if none is named: that of the
running kernel, or of the module's), its vmlinux, the encoder, the settings, and the
daemon,
which it starts once with the present settings and ends; of a module, at its BTF.
Changes nothing else.
)";
  page.options = {
      {"fix", 0, "",
       "do what can be done without asking anybody, and say what was done, and "
       "of all else why it was left: a vmlinux that is missing in the build "
       "directory is taken from an image that is certainly of the same build "
       "of "
       "the kernel (release, build text, exported symbols); a daemon of "
       "another "
       "version, or with other settings, or one that does not answer, is "
       "restarted. No file is replaced or removed, nothing installed, no "
       "setting and no module changed"},
  };
  page.arguments = "MODULE";
  page.exit_status =
      "0, or 1 if something would keep modules from having proper BTF, with "
      "--fix: still.";
  page.examples = {
      {"The running kernel's build directory", "btfc doctor", manual::kDepends},
      {"One module, and the build directory of its kernel",
       "btfc doctor vpoll.ko", manual::kDepends},
      {"Mend what can be mended", "btfc doctor --fix", manual::kDepends},
  };
  page.see_also = {"btfc(1)", "btfc-verify(1)", "btfc-config(1)"};
  return page;
}

}  // namespace

const Page& DiffPage() {
  static const auto* const page = new Page(MakeDiff());
  return *page;
}

const Page& DoctorPage() {
  static const auto* const page = new Page(MakeDoctor());
  return *page;
}

const Page& DumpPage() {
  static const auto* const page = new Page(MakeDump());
  return *page;
}

const Page& ReportPage() {
  static const auto* const page = new Page(MakeReport());
  return *page;
}

const Page& VerifyPage() {
  static const auto* const page = new Page(MakeVerify());
  return *page;
}

}  // namespace btfd::client
