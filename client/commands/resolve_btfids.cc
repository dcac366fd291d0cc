// SPDX-License-Identifier: Apache-2.0
//
// resolve_btfids: reads one ELF file, sends one request, writes the results.
// Errors come in the order of upstream's tool: the ELF file, its symbols, the
// base, the BTF. Only then are .BTF_ids, .BTF and .BTF.base written. A file of
// an earlier run is left as it is if this run does not write it.
#include <stdio.h>

#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "client/cli/command_line.h"
#include "client/cli/environment.h"
#include "client/commands/commands.h"
#include "client/commands/resolve_btfids_options.h"
#include "client/request/base_file.h"
#include "client/request/module_request.h"
#include "client/request/profile.h"
#include "client/rpc/finalize_client.h"
#include "lib/elf/module_file.h"
#include "lib/elf/section_patch.h"
#include "lib/util/file.h"
#include "lib/util/runtime_paths.h"
#include "lib/util/status_macros.h"
#include "lib/util/write_output.h"

namespace btfd::client {

namespace {

constexpr absl::string_view kErrorPrefix = "ERROR: resolve_btfids: ";

// Puts the file's name before the message unless the message has it.
void SayFailure(const std::string& path, absl::string_view message) {
  // A message in upstream's words names no file and is complete.
  if (absl::StartsWith(message, kErrorPrefix)) return SayLine(message);
  const bool named = absl::StrContains(message, path);
  SayLine(absl::StrCat(kErrorPrefix, named ? "" : path, named ? "" : ": ",
                       message));
}

void SayNotice(absl::string_view message) {
  SayLine(absl::StrCat("resolve_btfids: ", message));
}

absl::Status PatchBtfids(const ResolveBtfidsOptions& options) {
  ASSIGN_OR_RETURN(const std::string content,
                   util::ReadFile(*options.patch_btfids));
  return elf::PatchBtfIds(options.elf, content, SayNotice);
}

class DropIn {
 public:
  DropIn(ResolveBtfidsOptions options, Environment environment)
      : options_(std::move(options)), environment_(std::move(environment)) {}

  // Returns the exit code, or an error that the caller must print.
  absl::StatusOr<int> Run();

 private:
  absl::Status ChooseProfile(const elf::ModuleFile& module);
  absl::StatusOr<v1::FinalizeResponse> Ask(const elf::ModuleFile& module);
  absl::Status WriteFiles(const v1::FinalizeResponse& response) const;

  const ResolveBtfidsOptions options_;
  const Environment environment_;
  Profile profile_;
};

absl::Status DropIn::ChooseProfile(const elf::ModuleFile& module) {
  DropInSituation situation;
  situation.btfd_profile = environment_.btfd_profile;
  situation.kernel_version = environment_.kernel_version;
  situation.btf_option = options_.btf.has_value();
  situation.distill_option = options_.distill_base;
  situation.elf_has_btf = module.btf().has_value();
  ASSIGN_OR_RETURN(profile_, ChooseDropInProfile(situation));
  if (options_.verbose > 0) {
    SayNotice(absl::StrCat(options_.elf, ": as that of Linux ",
                           ProfileName(profile_.release)));
    if (profile_.newer_than_known) {
      SayNotice("that is the newest known; the kernel is newer");
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::FinalizeResponse> DropIn::Ask(
    const elf::ModuleFile& module) {
  v1::FinalizeRequest request;
  std::optional<BaseFile> base;
  if (options_.btf_base.has_value()) {
    ASSIGN_OR_RETURN(
        base, BaseFile::Open(*options_.btf_base, environment_.base_check));
  }
  RETURN_IF_ERROR(
      FillModule(module, IdsRule::kAsUpstream, options_.btf, &request));
  StepOverrides overrides;
  overrides.distill = options_.distill_base && base.has_value();
  *request.mutable_steps() = StepsOf(profile_, overrides);
  // A BTF that is finalized without a base is the base of the next modules.
  request.set_register_result(!base.has_value() &&
                              request.distilled_base().empty() &&
                              profile_.release != Release::k6x);
  FinalizeClient client(environment_, util::RuntimePathsOfProcess(), SayLine);
  const bool over_base = base.has_value() && !StaysOverDistilledBase(request);
  return client.Finalize(&request, over_base ? &*base : nullptr);
}

absl::Status DropIn::WriteFiles(const v1::FinalizeResponse& response) const {
  const auto write = [this](bool is_set, absl::string_view section,
                            const std::string& content) -> absl::Status {
    if (!is_set) return absl::OkStatus();
    return util::WriteOutput(absl::StrCat(options_.elf, section), content,
                             SayNotice);
  };
  RETURN_IF_ERROR(
      write(response.has_btf_ids(), elf::kBtfIds, response.btf_ids()));
  RETURN_IF_ERROR(write(response.has_btf(), elf::kBtf, response.btf()));
  return write(response.has_btf_base(), elf::kBtfBase, response.btf_base());
}

absl::StatusOr<int> DropIn::Run() {
  constexpr auto kAccess = elf::ModuleFile::Access::kReadWrite;
  ASSIGN_OR_RETURN(elf::ModuleFile module,
                   elf::ModuleFile::Open(options_.elf, kAccess));
  ASSIGN_OR_RETURN(const bool changed, elf::FinishBegunPatch(module));
  if (changed) {
    ASSIGN_OR_RETURN(module, elf::ModuleFile::Open(options_.elf, kAccess));
  }
  RETURN_IF_ERROR(ChooseProfile(module));
  const bool in_place = profile_.release == Release::k6x;
  if (in_place && !module.has_ids()) return 0;

  ASSIGN_OR_RETURN(const v1::FinalizeResponse response, Ask(module));
  for (const std::string& warning : response.warnings()) SayLine(warning);
  if (response.outcome() != v1::OK) {
    return absl::InvalidArgumentError(response.message());
  }
  if (options_.verbose > 0) {
    SayNotice(absl::StrCat(options_.elf, ": ", response.types_in(),
                           " types in, ", response.types_out(), " out",
                           response.cached() ? ", from the cache" : ""));
  }
  if (!in_place) {
    RETURN_IF_ERROR(WriteFiles(response));
    return 0;
  }
  if (response.has_btf_ids()) {
    RETURN_IF_ERROR(elf::PatchSectionInPlace(module, *module.btf_ids(),
                                             response.btf_ids(), SayNotice));
  }
  // In Linux 7 this option has lost its effect by mistake.
  const bool fatal = options_.fatal_warnings && response.warnings_size() > 0;
  return fatal ? kExitFailed : 0;
}

}  // namespace

int RunResolveBtfids(const std::vector<std::string>& arguments) {
  Environment environment = Environment::OfProcess();
  ParsedResolveBtfids parsed = ParseResolveBtfids(
      arguments,
      StatedRelease(environment.btfd_profile, environment.kernel_version));
  if (parsed.exit_code != 0) {
    fputs(parsed.out.c_str(), stdout);
    fputs(parsed.err.c_str(), stderr);
    return parsed.exit_code;
  }
  const std::string elf = parsed.options.elf;
  if (parsed.options.patch_btfids.has_value()) {
    const absl::Status status = PatchBtfids(parsed.options);
    if (status.ok()) return 0;
    SayFailure(elf, status.message());
    return kExitFailed;
  }
  const absl::StatusOr<int> exit_code =
      DropIn(std::move(parsed.options), std::move(environment)).Run();
  if (exit_code.ok()) return *exit_code;
  SayFailure(elf, exit_code.status().message());
  return kExitFailed;
}

}  // namespace btfd::client
