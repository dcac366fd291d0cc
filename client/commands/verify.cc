// SPDX-License-Identifier: Apache-2.0
//
// btfc verify: checks whether modules will have BTF on the kernels for which
// they are meant.
//
// When the kernel loads a module, it does three things with the module's BTF.
// It parses the BTF, over .BTF.base if the module has one. It checks each type
// by its rules. It relocates the BTF onto its own. Finalization does the first
// and the last of these anyway. So verify sends a request for finalization
// which also asks for the second (kernel_check), and does not use the result.
#include <stdio.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/cli/command_line.h"
#include "client/cli/environment.h"
#include "client/commands/commands.h"
#include "client/commands/module_list.h"
#include "client/commands/verify_kernel.h"
#include "client/commands/verify_report.h"
#include "client/request/base_file.h"
#include "client/rpc/finalize_client.h"
#include "lib/elf/any_btf.h"
#include "lib/elf/module_file.h"
#include "lib/util/runtime_paths.h"
#include "lib/util/status_macros.h"

namespace btfd::client {

namespace {

constexpr char kHelp[] =
    R"(usage: btfc verify --against BASE [--against BASE]... MODULE...
       btfc verify --kernel VERSION [--root DIR]

Proves, before anything ships, that modules will have BTF on the kernels they
are meant for, by doing what the kernel does at load:

1. The BTF must be one that libbpf reads, without an id or a string beyond the
   last one.
2. The kernel's parser must find nothing in it that it refuses: a name that is
   no identifier, an enum of three bytes, a member that starts behind its struct,
   bytes that belong to no section. BASE says which kernel's rules these are.
3. A module with .BTF.base must relocate onto the base; one without must parse
   over it, and fits none but the base it was made with, which this alone cannot
   prove.
4. The kernel must find nothing in the module's kfunc sets that keeps it from
   registering them: an entry without an id, a name of a function of its own.

A MODULE is a .ko, .ko.gz, .ko.xz or .ko.zst, signed or not; none is changed.

  --against BASE    a kernel's BTF: an ELF file with .BTF (vmlinux), a boot image
                    (vmlinuz), or raw BTF, such as /sys/kernel/btf/vmlinux; may
                    be given many times
  --kernel VERSION  all modules of that installed kernel, DKMS's included, against
                    its boot image, before it is booted: names those that would
                    be refused, with the packages that brought them; needs no
                    daemon
  --root DIR        look for that kernel in the system whose root directory is
                    DIR, such as an image that is mounted there
  --from-file LIST  read paths from LIST, one a line, or from stdin if it is -;
                    the lines of modules.order are understood
  --json            a line of JSON for each module and base, then one with a
                    summary
  -h, --help        this text

A line for each module and base says how many types the module has, and how
many were judged in step 2, those of .BTF.base included. With --kernel there are
lines of those modules alone that do not fit, and a summary. It looks for the
kernel's BTF in /boot/vmlinuz-VERSION, /lib/modules/VERSION/vmlinuz,
/boot/vmlinux-VERSION, /usr/lib/debug and the build directory, and takes the first
that has any. A module without BTF loads everywhere, and is only counted.

Exit status: 0; 1 if any module does not fit any base, each being named with the
type that fails and why; 2 for a wrong call.
)";

absl::StatusOr<v1::FinalizeRequest> ReadModule(const std::string& path) {
  ASSIGN_OR_RETURN(const elf::ModuleFile module, OpenForVerify(path));
  return VerifyRequest(module);
}

VerifyFinding Check(const std::string& path, v1::FinalizeRequest request,
                    BaseFile* base, FinalizeClient* client) {
  VerifyFinding finding;
  finding.module = path;
  finding.base = base->path();
  finding.distilled = !request.distilled_base().empty();
  const absl::StatusOr<v1::FinalizeResponse> response =
      client->Finalize(&request, base);
  if (!response.ok()) {
    finding.status = response.status();
  } else if (response->outcome() != v1::OK) {
    finding.status = absl::InvalidArgumentError(response->message());
  } else if (!response->has_kernel_checked()) {
    finding.status = absl::FailedPreconditionError(
        "the daemon is an older one that does not know the kernel's rules: "
        "btfc restart");
  } else {
    finding.types = response->types_in();
    finding.kernel_checked = response->kernel_checked();
  }
  return finding;
}

void CheckAll(const std::vector<std::string>& modules,
              std::vector<BaseFile>* bases, FinalizeClient* client,
              VerifyReport* report) {
  if (modules.size() > 1) {
    // Each base stays the same for all modules. If a base is defective, each
    // module reports that.
    for (BaseFile& base : *bases) base.bytes().status().IgnoreError();
  }
  for (const std::string& path : modules) {
    const absl::StatusOr<v1::FinalizeRequest> request = ReadModule(path);
    if (!request.ok()) {
      VerifyFinding finding;
      finding.module = path;
      finding.status = request.status();
      report->Add(finding);
      continue;
    }
    for (BaseFile& base : *bases) {
      report->Add(Check(path, *request, &base, client));
    }
  }
}

}  // namespace

int RunVerify(const std::vector<std::string>& arguments) {
  std::vector<std::string> against;
  std::string from_file;
  std::string kernel;
  std::string root;
  bool as_json = false;
  CommandLine line("btfc verify", kHelp);
  line.List("against", 0, &against);
  line.Value("kernel", 0, &kernel);
  line.Value("root", 0, &root);
  line.Value("from-file", 0, &from_file);
  line.Flag("json", 0, &as_json);
  std::vector<std::string> modules;
  const std::optional<int> end = line.Parse(arguments, &modules);
  if (end.has_value()) return *end;
  if (!kernel.empty()) {
    if (!against.empty() || !from_file.empty() || !modules.empty()) {
      return line.WrongCall(
          "--kernel finds the base and the modules itself: it goes with "
          "--root and --json alone");
    }
    if (kernel.find('/') != std::string::npos) {
      return line.WrongCall("--kernel is a version, as `uname -r` says it");
    }
    while (!root.empty() && root.back() == '/') root.pop_back();
    return VerifyKernel(root, kernel, as_json);
  }
  if (!root.empty()) return line.WrongCall("--root is for --kernel");
  if (against.empty()) return line.WrongCall("no base is given by --against");
  if (!from_file.empty()) {
    const auto listed = ReadModuleList(from_file);
    if (!listed.ok()) {
      SayError(listed.status().message());
      return kExitFailure;
    }
    modules.insert(modules.end(), listed->begin(), listed->end());
  } else if (modules.empty()) {
    return line.WrongCall("no module is given");
  }

  Environment environment = Environment::OfProcess();
  std::vector<BaseFile> bases;
  for (const std::string& path : against) {
    absl::StatusOr<BaseFile> base =
        BaseFile::Open(path, environment.base_check, &elf::ReadAnyBtf);
    if (!base.ok()) {
      SayError(base.status().message());
      return kExitFailure;
    }
    bases.push_back(*std::move(base));
  }
  // The results will not be asked for again.
  environment.bypass_result_cache = true;
  FinalizeClient client(environment, util::RuntimePathsOfProcess(), SayLine);
  VerifyReport report(as_json ? VerifyReport::Form::kJson
                              : VerifyReport::Form::kEach);
  CheckAll(modules, &bases, &client, &report);
  report.Finish(modules.size(), bases.size());
  return report.failed() == 0 ? 0 : kExitFailure;
}

}  // namespace btfd::client
