// SPDX-License-Identifier: Apache-2.0
#include "client/commands/verify_kernel.h"

#include <stdio.h>

#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "client/batch/in_threads.h"
#include "client/cli/command_line.h"
#include "client/cli/environment.h"
#include "client/commands/verify_report.h"
#include "client/kernel/installed_kernel.h"
#include "client/kernel/module_owner.h"
#include "client/local/local_engine.h"
#include "client/request/base_file.h"
#include "client/request/module_request.h"
#include "lib/elf/any_btf.h"
#include "lib/elf/compressed.h"
#include "lib/util/file.h"
#include "lib/util/status_macros.h"

namespace btfd::client {

namespace {

// The first image that has BTF. NotFound says what is wrong with each.
absl::StatusOr<BaseFile> OpenImage(const InstalledKernel& kernel) {
  std::vector<std::string> why;
  for (const std::string& image : kernel.images) {
    absl::StatusOr<BaseFile> base =
        BaseFile::Open(image, BaseCheck::kContent, &elf::ReadAnyBtf);
    // The bytes are read once, here, before threads ask for them.
    const absl::Status status =
        base.ok() ? base->bytes().status() : base.status();
    if (status.ok()) return base;
    why.push_back(std::string(status.message()));
  }
  return NoImageWithBtf(kernel, why);
}

VerifyFinding Check(const std::string& path, BaseFile* base,
                    LocalEngine* engine) {
  VerifyFinding finding;
  finding.module = path;
  const absl::StatusOr<elf::ModuleFile> file = OpenForVerify(path);
  if (!file.ok()) {
    finding.status = file.status();
    return finding;
  }
  finding.has_btf = file->btf().has_value();
  if (!finding.has_btf) return finding;
  const absl::StatusOr<v1::FinalizeRequest> request = VerifyRequest(*file);
  if (!request.ok()) {
    finding.status = request.status();
    return finding;
  }
  finding.base = base->path();
  finding.distilled = !request->distilled_base().empty();
  const absl::StatusOr<v1::FinalizeResponse> response =
      engine->Finalize(*request, base);
  if (!response.ok()) {
    finding.status = response.status();
  } else if (response->outcome() != v1::OK) {
    finding.status = absl::InvalidArgumentError(response->message());
  } else {
    finding.types = response->types_in();
    finding.kernel_checked = response->kernel_checked();
  }
  return finding;
}

// Adds who brought those modules of which that matters: all in JSON, else those
// that are refused.
void AddOwners(const std::string& root, const std::string& release, bool all,
               std::vector<VerifyFinding>* findings) {
  std::vector<std::string> asked;
  for (const VerifyFinding& finding : *findings) {
    if (all || !finding.status.ok()) asked.push_back(finding.module);
  }
  const std::map<std::string, std::string> owners =
      OwnersOf(root, release, asked);
  for (VerifyFinding& finding : *findings) {
    const auto owner = owners.find(finding.module);
    if (owner != owners.end()) finding.owner = owner->second;
  }
}

// What becomes of the modules that do not fit.
std::string Fate(const InstalledKernel& kernel) {
  if (!kernel.loads_refused.has_value()) {
    return "refused at load, or loaded without BTF where the kernel has "
           "CONFIG_MODULE_ALLOW_BTF_MISMATCH";
  }
  return *kernel.loads_refused ? "loaded without BTF" : "refused at load";
}

}  // namespace

absl::StatusOr<elf::ModuleFile> OpenForVerify(const std::string& path) {
  ASSIGN_OR_RETURN(util::FileBytes bytes, elf::ReadMaybeCompressed(path));
  return elf::ModuleFile::FromBytes(util::UniqueFd(), std::move(bytes), path);
}

absl::StatusOr<v1::FinalizeRequest> VerifyRequest(const elf::ModuleFile& file) {
  v1::FinalizeRequest request;
  RETURN_IF_ERROR(
      FillModule(file, IdsRule::kAsUpstream, std::nullopt, &request));
  request.mutable_steps()->set_kernel_check(true);
  request.mutable_steps()->set_new_header_size(32);  // does not matter here
  return request;
}

int VerifyKernel(const std::string& root, const std::string& release,
                 bool as_json) {
  const absl::Time started = absl::Now();
  const absl::StatusOr<InstalledKernel> kernel =
      FindInstalledKernel(root, release, RunningRelease());
  if (!kernel.ok()) {
    SayError(kernel.status().message());
    return kExitFailure;
  }
  if (kernel->has_btf == false) {
    if (as_json) {
      VerifyReport(VerifyReport::Form::kJson).Finish(0, 0);
    } else {
      absl::PrintF("Linux %s has no BTF, and reads none of its modules\n",
                   release);
    }
    return 0;
  }
  absl::StatusOr<BaseFile> base = OpenImage(*kernel);
  if (!base.ok()) {
    SayError(base.status().message());
    return kExitFailure;
  }
  std::vector<VerifyFinding> findings(kernel->modules.size());
  LocalEngine engine;
  ForEachNumberInThreads(findings.size(), [&](size_t i) {
    findings[i] = Check(kernel->modules[i], &*base, &engine);
  });
  AddOwners(root, release, as_json, &findings);
  VerifyReport report(as_json ? VerifyReport::Form::kJson
                              : VerifyReport::Form::kFailures);
  for (const VerifyFinding& finding : findings) report.Add(finding);
  report.Finish(findings.size(), 1);
  if (!as_json) {
    const size_t fitting =
        findings.size() - report.failed() - report.without_btf();
    absl::PrintF("Linux %s: %d of %d modules fit %s", release, fitting,
                 findings.size(), base->path());
    if (report.without_btf() != 0) {
      absl::PrintF(", %d have no BTF", report.without_btf());
    }
    if (report.failed() != 0) {
      absl::PrintF(", %d do not fit and would be %s", report.failed(),
                   Fate(*kernel));
    }
    absl::PrintF(" (%.1f s)\n", absl::ToDoubleSeconds(absl::Now() - started));
  }
  return report.failed() == 0 ? 0 : kExitFailure;
}

}  // namespace btfd::client
