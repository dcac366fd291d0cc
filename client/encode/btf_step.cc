// SPDX-License-Identifier: Apache-2.0
//
// If our encoder cannot do a file, the real pahole encodes it into a file
// beside the ELF file. For a module it would spend most of its time on reading
// the base. So it gets no base; the daemon puts what pahole made over the base
// (rebase). The types are the same, except that duplicates which upstream's
// pahole would leave are removed. With upstream_exact, pahole reads the base
// itself.
#include "client/encode/btf_step.h"

#include <unistd.h>

#include <optional>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "client/cli/command_line.h"
#include "client/cli/program.h"
#include "client/encode/encode_file.h"
#include "client/encode/pahole_arguments.h"
#include "client/encode/takeover.h"
#include "client/request/module_request.h"
#include "lib/elf/btf_object.h"
#include "lib/elf/module_writer.h"
#include "lib/util/status_macros.h"
#include "lib/util/write_output.h"

namespace btfd::client {

namespace {

constexpr int kExitOfStep = 255;  // as upstream's resolve_btfids exits

// The file, beside the ELF file, that pahole writes.
std::string EncodedPath(const std::string& elf) { return elf + ".BTF.1"; }

}  // namespace

v1::Steps BtfStep::StepsToTake() const {
  StepOverrides overrides;
  overrides.distill = options_.distill && is_module();
  return StepsOf(options_.profile, overrides);
}

absl::StatusOr<elf::ModuleFile> BtfStep::Open(const std::string& elf) const {
  return elf::ModuleFile::Open(elf, is_module()
                                        ? elf::ModuleFile::Access::kReadWrite
                                        : elf::ModuleFile::Access::kRead);
}

absl::Status BtfStep::LeaveBeside(const elf::ModuleFile& vmlinux,
                                  const v1::FinalizeResponse& response) const {
  const std::string& elf = vmlinux.path();
  if (response.has_btf_ids()) {
    RETURN_IF_ERROR(util::WriteOutput(absl::StrCat(elf, elf::kBtfIds),
                                      response.btf_ids(), SayError));
  }
  return util::WriteOutput(
      elf + ".btf.o", elf::MakeBtfObject(vmlinux, response.btf()), SayError);
}

// Removes what upstream's script removes at its end. Some of it can only come
// from an earlier run.
void BtfStep::RemoveLeftovers(const std::string& elf) const {
  unlink(EncodedPath(elf).c_str());
  unlink(absl::StrCat(elf, elf::kBtf).c_str());
  if (!is_module()) return;
  unlink(absl::StrCat(elf, elf::kBtfBase).c_str());
  unlink(absl::StrCat(elf, elf::kBtfIds).c_str());
}

absl::Status BtfStep::Conclude(const elf::ModuleFile& file,
                               BtfStepResult* result) {
  const TraceSpan span(options_.trace, "write", file.path());
  const v1::FinalizeResponse& response = result->response;
  if (options_.trace != nullptr) {
    options_.trace->AddDaemon(response, file.path());
  }
  result->warnings.insert(result->warnings.end(), response.warnings().begin(),
                          response.warnings().end());
  if (response.outcome() != v1::OK) {
    return absl::InvalidArgumentError(response.message());
  }
  return is_module() ? EmbedAnswer(file, response)
                     : LeaveBeside(file, response);
}

// Unimplemented if the real pahole may be able to do it.
absl::Status BtfStep::RunHere(const std::string& elf,
                              const encode::PaholeCall& call,
                              BtfStepResult* result) {
  ASSIGN_OR_RETURN(const elf::ModuleFile file, Open(elf));
  result->bytes_in = file.bytes().size();
  v1::FinalizeRequest request;
  RETURN_IF_ERROR(FillIdsOf(file, IdsRule::kAsUpstream, &request));
  *request.mutable_steps() = StepsToTake();
  // The vmlinux of this build is the base of its modules.
  request.set_register_result(!is_module() &&
                              options_.profile.release != Release::k6x);
  request.set_trace(options_.trace != nullptr);
  if (options_.verbose) {
    SayLine(absl::StrCat("+ encode as pahole ",
                         DescribeStandIn(options_.stand_in), ", finalize as ",
                         "Linux ", ProfileName(options_.profile.release),
                         " does: ", elf));
  }
  encode::EncodeOptions encode_options = call.options;
  if (options_.threads != 0) encode_options.threads = options_.threads;
  ASSIGN_OR_RETURN(EncodedAnswer answer,
                   EncodeAndFinalize(file, encode_options, &request, client_,
                                     base_, &base_names_, options_.trace));
  RETURN_IF_ERROR(answer.encoding);
  if (answer.nothing_to_encode) {
    return absl::NotFoundError("there is nothing to encode in its DWARF");
  }
  result->types_met = answer.encoded.types_met;
  result->warnings = answer.encoded.messages;
  RETURN_IF_ERROR(Explain(options_.explain, elf, answer.encoded));
  for (std::string& line : MissingKfuncLines(elf, answer.encoded)) {
    result->warnings.push_back(std::move(line));
  }
  if (options_.explain.require_kfuncs &&
      !answer.encoded.missing_kfuncs.empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat(answer.encoded.missing_kfuncs.size(),
                     " kfuncs have no FUNC, and --require-kfuncs is given"));
  }
  result->response = std::move(answer.response);
  return Conclude(file, result);
}

absl::Status BtfStep::RunByPahole(const std::string& elf,
                                  BtfStepResult* result) {
  const bool rebase = is_module() && !options_.upstream_exact;
  std::vector<std::string> flags = options_.pahole_flags;
  bool distills = false;
  if (rebase) flags = WithoutDistilledBase(flags, &distills);
  std::vector<std::string> command = options_.stand_in.real;
  command.push_back("-J");
  command.insert(command.end(), flags.begin(), flags.end());
  if (is_module() && !rebase) {
    command.push_back("--btf_base");
    command.push_back(options_.base);
  }
  command.push_back("--btf_encode_detached=" + EncodedPath(elf));
  command.push_back(elf);
  if (options_.verbose) SayLine("+ " + ShowCommand(command));
  {
    const TraceSpan span(options_.trace, "the real pahole", elf);
    ASSIGN_OR_RETURN(result->exit_code, RunProgram(command));
  }
  if (result->exit_code != 0) {
    return absl::AbortedError(
        absl::StrCat("pahole ended with exit code ", result->exit_code));
  }
  ASSIGN_OR_RETURN(const elf::ModuleFile file, Open(elf));
  result->bytes_in = file.bytes().size();
  v1::FinalizeRequest request;
  RETURN_IF_ERROR(
      FillModule(file, IdsRule::kAsUpstream, EncodedPath(elf), &request));
  *request.mutable_steps() = StepsToTake();
  request.mutable_steps()->set_rebase(rebase);
  // In upstream's way pahole makes what is not distilled, with its own libbpf.
  // What it made without the base has the header of that libbpf, too.
  if (rebase && !request.steps().distill()) {
    request.mutable_steps()->set_new_header_size(HeaderSizeOf(request.btf()));
  }
  request.set_register_result(!is_module() &&
                              options_.profile.release != Release::k6x);
  request.set_trace(options_.trace != nullptr);
  if (options_.verbose) {
    SayLine(absl::StrCat("+ finalize as Linux ",
                         ProfileName(options_.profile.release),
                         " does: ", elf));
  }
  {
    const TraceSpan span(options_.trace, "ask", elf);
    ASSIGN_OR_RETURN(result->response, client_->Finalize(&request, base_));
  }
  // If the profile does not change BTF, there is none in the answer, and
  // pahole's BTF is final.
  if (result->response.outcome() == v1::OK && !result->response.has_btf()) {
    result->response.set_btf(request.btf());
  }
  return Conclude(file, result);
}

BtfStepResult BtfStep::Run(const std::string& elf) {
  const TraceSpan span(options_.trace, "file", elf);
  const absl::Cleanup clean_up = [&] { RemoveLeftovers(elf); };
  BtfStepResult result;
  const StandIn& stand_in = options_.stand_in;
  std::optional<Takeover> takeover;
  std::string why;
  if (stand_in.choice == EncoderChoice::kPahole) {
    takeover = Takeover::kAsked;
    why = "BTFD_ENCODER asks for the real pahole";
  } else if (!stand_in.version.has_value()) {
    takeover = Takeover::kVersion;
    why = absl::StrCat("the version of pahole is not known here: ",
                       stand_in.said);
  } else {
    std::vector<std::string> words = {"-J"};
    words.insert(words.end(), options_.pahole_flags.begin(),
                 options_.pahole_flags.end());
    words.push_back("--btf_encode_detached=" + EncodedPath(elf));
    words.push_back(elf);
    const auto call = encode::ParsePaholeCall(words, *stand_in.version,
                                              options_.lang_exclude);
    if (!call.ok()) {
      result.status = call.status();
    } else if (!call->has_value()) {
      takeover = Takeover::kOptions;
      why = absl::StrCat("an option is not known here: ",
                         ShowCommand(options_.pahole_flags));
    } else {
      result.status = RunHere(elf, **call, &result);
      if (absl::IsUnimplemented(result.status)) {
        takeover = TakeoverOf(result.status);
        why = std::string(result.status.message());
      }
    }
  }
  if (takeover.has_value()) {
    if (stand_in.choice == EncoderChoice::kNative || stand_in.real.empty()) {
      result.status = absl::UnimplementedError(absl::StrCat(
          why, "; this takes the real pahole, ",
          stand_in.real.empty() ? "and there is none"
                                : "which BTFD_ENCODER=native rules out"));
    } else {
      if (options_.verbose) {
        SayLine(absl::StrCat("+ the real pahole encodes ", elf, ": ", why));
      }
      ReportTakeover(*takeover);
      result = BtfStepResult();
      result.status = RunByPahole(elf, &result);
    }
  }
  if (!result.status.ok() && result.exit_code == 0) {
    result.exit_code = kExitOfStep;
  }
  return result;
}

}  // namespace btfd::client
