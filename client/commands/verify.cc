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
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/cli/command_line.h"
#include "client/cli/environment.h"
#include "client/commands/commands.h"
#include "client/commands/module_list.h"
#include "client/request/base_file.h"
#include "client/request/module_request.h"
#include "client/rpc/finalize_client.h"
#include "lib/elf/any_btf.h"
#include "lib/elf/compressed.h"
#include "lib/elf/module_file.h"
#include "lib/util/json.h"
#include "lib/util/runtime_paths.h"
#include "lib/util/status_macros.h"

namespace btfd::client {

namespace {

constexpr char kHelp[] =
    R"(usage: btfc verify --against BASE [--against BASE]... MODULE...

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
  --from-file LIST  read paths from LIST, one a line, or from stdin if it is -;
                    the lines of modules.order are understood
  --json            a line of JSON for each module and base, then one with a
                    summary
  -h, --help        this text

A line for each module and base says how many types the module has, and how
many were judged in step 2, those of .BTF.base included.

Exit status: 0; 1 if any module does not fit any base, each being named with the
type that fails and why; 2 for a wrong call.
)";

// Makes a request that only checks, without its base.
absl::StatusOr<v1::FinalizeRequest> ReadModule(const std::string& path) {
  ASSIGN_OR_RETURN(util::FileBytes bytes, elf::ReadMaybeCompressed(path));
  ASSIGN_OR_RETURN(
      const elf::ModuleFile module,
      elf::ModuleFile::FromBytes(util::UniqueFd(), std::move(bytes), path));
  v1::FinalizeRequest request;
  RETURN_IF_ERROR(
      FillModule(module, IdsRule::kAsUpstream, std::nullopt, &request));
  request.mutable_steps()->set_kernel_check(true);
  request.mutable_steps()->set_new_header_size(32);  // does not matter here
  return request;
}

// The result for one module and one base.
struct Finding {
  std::string module;
  std::string base;  // empty: the module could not be read
  bool distilled = false;
  uint32_t types = 0;
  uint32_t kernel_checked = 0;  // types checked by the kernel's rules
  absl::Status status;
};

class VerifyReport {
 public:
  explicit VerifyReport(bool json) : json_(json) {}

  void Add(const Finding& finding) {
    ++checks_;
    if (!finding.status.ok()) {
      ++failed_;
      SayFailure(finding);
    }
    if (json_) {
      AddJson(finding);
    } else if (finding.status.ok()) {
      absl::PrintF("%s: %s %s, %d types; %d judged as the kernel does\n",
                   finding.module,
                   finding.distilled ? "relocates onto" : "parses over",
                   finding.base, finding.types, finding.kernel_checked);
    }
  }

  void Finish(size_t modules, size_t bases) const {
    if (json_) {
      util::JsonWriter json;
      json.Open('{').Open('{', "summary");
      json.Add("modules", uint64_t{modules})
          .Add("bases", uint64_t{bases})
          .Add("checks", uint64_t{checks_})
          .Add("failed", uint64_t{failed_});
      json.Close().Close();
      puts(json.text().c_str());
    } else if (checks_ != 1) {
      absl::PrintF("%d checks of %d modules, %d failed\n", checks_, modules,
                   failed_);
    }
  }

  size_t failed() const { return failed_; }

 private:
  static void SayFailure(const Finding& finding) {
    const absl::string_view message = finding.status.message();
    const std::string where =
        finding.base.empty()
            ? finding.module
            : absl::StrCat(finding.module, " against ", finding.base);
    const bool named = absl::StrContains(message, where);
    SayError(named ? std::string(message) : absl::StrCat(where, ": ", message));
  }

  static void AddJson(const Finding& finding) {
    util::JsonWriter json;
    json.Open('{').Add("module", finding.module).Add("ok", finding.status.ok());
    if (!finding.base.empty()) {
      json.Add("base", finding.base).Add("distilled", finding.distilled);
    }
    if (finding.status.ok()) {
      json.Add("types", finding.types)
          .Add("kernel_checked", finding.kernel_checked);
    } else {
      json.Add("error", finding.status.message());
    }
    json.Close();
    puts(json.text().c_str());
  }

  const bool json_;
  size_t checks_ = 0;
  size_t failed_ = 0;
};

Finding Check(const std::string& path, v1::FinalizeRequest request,
              BaseFile* base, FinalizeClient* client) {
  Finding finding;
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
      Finding finding;
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
  bool as_json = false;
  CommandLine line("btfc verify", kHelp);
  line.List("against", 0, &against);
  line.Value("from-file", 0, &from_file);
  line.Flag("json", 0, &as_json);
  std::vector<std::string> modules;
  const std::optional<int> end = line.Parse(arguments, &modules);
  if (end.has_value()) return *end;
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
  VerifyReport report(as_json);
  CheckAll(modules, &bases, &client, &report);
  report.Finish(modules.size(), bases.size());
  return report.failed() == 0 ? 0 : kExitFailure;
}

}  // namespace btfd::client
