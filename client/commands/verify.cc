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
#include "client/manual/pages.h"
#include "client/request/base_file.h"
#include "client/rpc/finalize_client.h"
#include "lib/elf/any_btf.h"
#include "lib/elf/module_file.h"
#include "lib/util/runtime_paths.h"
#include "lib/util/status_macros.h"

namespace btfd::client {

namespace {

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
  CommandLine line(VerifyPage());
  line.List("against", &against);
  line.Value("kernel", &kernel);
  line.Value("root", &root);
  line.Value("from-file", &from_file);
  line.Flag("json", &as_json);
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
