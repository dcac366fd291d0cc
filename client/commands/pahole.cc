// SPDX-License-Identifier: Apache-2.0
//
// btfc pahole: stands in for kbuild's $(PAHOLE).
//
// A call that encodes BTF is done in this process, as the release does it for
// which it stands. The real pahole gets every other call, with unchanged
// arguments, and every call that our encoder cannot do. If such a call has a
// base, it is done in two steps. The real pahole makes BTF without the base,
// which saves most of its time if the module is small. The daemon, which has
// the base in memory, then puts that BTF over the base, and distills it if
// pahole was asked to.
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "client/cli/command_line.h"
#include "client/cli/environment.h"
#include "client/cli/program.h"
#include "client/commands/commands.h"
#include "client/encode/encode_file.h"
#include "client/encode/explain.h"
#include "client/encode/pahole_arguments.h"
#include "client/encode/pahole_call.h"
#include "client/encode/real_pahole.h"
#include "client/encode/stand_in.h"
#include "client/encode/takeover.h"
#include "client/manual/pages.h"
#include "client/request/base_file.h"
#include "client/request/module_request.h"
#include "client/rpc/finalize_client.h"
#include "lib/elf/module_file.h"
#include "lib/encode/call.h"
#include "lib/encode/rules.h"
#include "lib/manual/help_text.h"
#include "lib/util/runtime_paths.h"
#include "lib/util/status_macros.h"
#include "lib/util/write_output.h"

namespace btfd::client {

namespace {

// The exit code that a shell returns if a program does not exist.
constexpr int kExitNoProgram = 127;

// Replaces this process by the real pahole. Returns only if that fails.
int HandOn(const std::string& pahole,
           const std::vector<std::string>& arguments) {
  std::vector<char*> words = {const_cast<char*>(pahole.c_str())};
  for (const std::string& argument : arguments) {
    words.push_back(const_cast<char*>(argument.c_str()));
  }
  words.push_back(nullptr);
  fflush(nullptr);
  execvp(words[0], words.data());
  SayError(absl::StrCat(pahole, ": cannot start: ", strerror(errno)));
  return kExitNoProgram;
}

class Encoding {
 public:
  Encoding(std::string pahole, PaholeEncoding call)
      : pahole_(std::move(pahole)),
        call_(std::move(call)),
        environment_(Environment::OfProcess()) {
    // In the directory of the ELF file, with a name that kbuild's clean
    // removes.
    const size_t slash = call_.elf.rfind('/');
    standalone_ = absl::StrCat(
        slash == std::string::npos ? "" : call_.elf.substr(0, slash + 1),
        ".tmp_btfd_", getpid(), ".BTF");
  }

  // Returns pahole's exit code, or why the call cannot be done in this way.
  absl::StatusOr<int> Run();
  const Environment& environment() const { return environment_; }

 private:
  absl::StatusOr<v1::FinalizeResponse> PutOverBase();
  absl::Status Leave(const v1::FinalizeResponse& response) const;

  const std::string pahole_;
  const PaholeEncoding call_;
  const Environment environment_;
  std::string standalone_;
};

absl::StatusOr<v1::FinalizeResponse> Encoding::PutOverBase() {
  ASSIGN_OR_RETURN(BaseFile base,
                   BaseFile::Open(call_.base, environment_.base_check));
  ASSIGN_OR_RETURN(const elf::BtfSource source,
                   elf::ReadBtfSource(standalone_));
  v1::FinalizeRequest request;
  request.set_btf(source.btf.data(), source.btf.size());
  v1::Steps* const steps = request.mutable_steps();
  steps->set_rebase(true);
  steps->set_distill(call_.distill);
  // The libbpf in pahole makes both, with the same header.
  steps->set_new_header_size(HeaderSizeOf(request.btf()));
  FinalizeClient client(environment_, util::RuntimePathsOfProcess(), SayLine);
  ASSIGN_OR_RETURN(v1::FinalizeResponse response,
                   client.Finalize(&request, &base));
  if (response.outcome() != v1::OK) {
    return absl::InvalidArgumentError(response.message());
  }
  return response;
}

absl::Status Encoding::Leave(const v1::FinalizeResponse& response) const {
  // pahole's detached file contains only the split BTF, whether it is distilled
  // or not.
  if (call_.detached.has_value()) {
    return util::WriteOutput(*call_.detached, response.btf(), SayError);
  }
  ASSIGN_OR_RETURN(
      const elf::ModuleFile module,
      elf::ModuleFile::Open(call_.elf, elf::ModuleFile::Access::kReadWrite));
  return EmbedAnswer(module, response);
}

absl::StatusOr<int> Encoding::Run() {
  std::vector<std::string> command = {pahole_};
  command.insert(command.end(), call_.rest.begin(), call_.rest.end());
  command.push_back("--btf_encode_detached=" + standalone_);
  command.push_back(call_.elf);
  const absl::Cleanup remove = [this] { unlink(standalone_.c_str()); };
  ASSIGN_OR_RETURN(const int exit_code, RunProgram(command));
  // If there is no DWARF, pahole may succeed and write nothing.
  if (exit_code != 0 || access(standalone_.c_str(), F_OK) != 0) {
    return exit_code;
  }
  ASSIGN_OR_RETURN(const v1::FinalizeResponse response, PutOverBase());
  RETURN_IF_ERROR(Leave(response));
  return 0;
}

// Runs a call by the real pahole; if it has a base, with the daemon's help.
int RunByRealPahole(const std::string& pahole,
                    const std::vector<std::string>& arguments) {
  std::optional<PaholeEncoding> call = ParsePaholeEncoding(arguments);
  if (!call.has_value()) return HandOn(pahole, arguments);
  const std::string elf = call->elf;
  Encoding encoding(pahole, *std::move(call));
  const absl::StatusOr<int> exit_code = encoding.Run();
  if (exit_code.ok()) return *exit_code;
  const std::string why(exit_code.status().message());
  const bool named = absl::StrContains(why, elf);
  SayError(absl::StrCat("pahole: ", named ? "" : elf + ": ", why,
                        encoding.environment().require_daemon
                            ? ""
                            : "; pahole reads the base itself"));
  if (encoding.environment().require_daemon) return kExitFailure;
  return HandOn(pahole, arguments);
}

class PaholeStandIn {
 public:
  explicit PaholeStandIn(const std::vector<std::string>& arguments)
      : arguments_(arguments), explain_(TakeExplainOptions(&arguments_)) {}

  int Run();

 private:
  // What pahole prints about itself; nothing for another call.
  std::optional<std::string> AboutItself() const;
  // Returns the exit code of a call that was done here. Returns nothing if the
  // real pahole must do it; *why then says why, and *takeover is set if the
  // call encodes.
  std::optional<int> RunHere(std::string* why,
                             std::optional<Takeover>* takeover) const;

  std::vector<std::string> arguments_;
  const ExplainOptions explain_;
  StandIn stand_in_;
  absl::StatusOr<std::string> real_;
};

bool AsksAboutItself(const std::vector<std::string>& arguments) {
  return arguments.size() == 1 &&
         (arguments[0] == "--version" || arguments[0] == "--numeric_version" ||
          arguments[0] == "--supported_btf_features");
}

std::optional<std::string> PaholeStandIn::AboutItself() const {
  if (!AsksAboutItself(arguments_) || !stand_in_.version.has_value()) {
    return std::nullopt;
  }
  const std::string& word = arguments_[0];
  if (word == "--version") {
    return absl::StrCat("v", encode::PaholeVersionName(*stand_in_.version));
  }
  if (word == "--numeric_version") {
    return absl::StrCat(encode::PaholeVersionNumber(*stand_in_.version));
  }
  // 1.24 does not have that option.
  if (*stand_in_.version == encode::PaholeVersion::k1_24) return std::nullopt;
  return encode::SupportedFeatures(*stand_in_.version);
}

// True if the call encodes, whatever else it does.
bool Encodes(const std::vector<std::string>& arguments) {
  for (const std::string& word : arguments) {
    if (word == "-J" || word == "--btf_encode" ||
        absl::StartsWith(word, "--btf_encode_detached")) {
      return true;
    }
  }
  return false;
}

std::optional<int> PaholeStandIn::RunHere(
    std::string* why, std::optional<Takeover>* takeover) const {
  if (stand_in_.choice == EncoderChoice::kPahole) {
    *why = "BTFD_ENCODER asks for it";
    if (Encodes(arguments_)) *takeover = Takeover::kAsked;
    return std::nullopt;
  }
  if (const std::optional<std::string> text = AboutItself()) {
    printf("%s\n", text->c_str());
    return 0;
  }
  if (!stand_in_.version.has_value()) {
    *why = absl::StrCat("its version is not known here: ", stand_in_.said);
    if (Encodes(arguments_)) *takeover = Takeover::kVersion;
    return std::nullopt;
  }
  if (!Encodes(arguments_)) {
    *why = "btfc only encodes BTF";
    return std::nullopt;
  }
  const char* const languages = getenv("PAHOLE_LANG_EXCLUDE");
  const absl::StatusOr<std::optional<encode::PaholeCall>> call =
      encode::ParsePaholeCall(arguments_, *stand_in_.version,
                              languages == nullptr ? "" : languages);
  if (!call.ok()) {
    SayLine(absl::StrCat("pahole: ", call.status().message()));
    return kExitFailure;
  }
  if (!call->has_value()) {
    *why = "btfc encodes the BTF of one file, by the options it knows";
    *takeover = Takeover::kOptions;
    return std::nullopt;
  }
  const Environment environment = Environment::OfProcess();
  NativePaholeCall native(**call, stand_in_, explain_, environment);
  const absl::StatusOr<int> exit_code = native.Run();
  if (exit_code.ok()) return *exit_code;
  *why = absl::StrCat((*call)->elf, ": ", exit_code.status().message());
  if (absl::IsUnimplemented(exit_code.status())) {
    *takeover = TakeoverOf(exit_code.status());
    if ((*call)->verbose) SayLine(absl::StrCat("pahole encodes: ", *why));
    return std::nullopt;
  }
  // A build does not fail because of the daemon.
  if (real_.ok() && stand_in_.choice == EncoderChoice::kAuto &&
      !environment.require_daemon) {
    return std::nullopt;
  }
  SayError(absl::StrCat("pahole: ", *why));
  return kExitFailure;
}

int PaholeStandIn::Run() {
  real_ = ChooseRealPahole();
  if (real_.ok() && !Encodes(arguments_) && !AsksAboutItself(arguments_)) {
    return HandOn(*real_, arguments_);
  }
  StandInSettings settings = StandInSettingsOfProcess();
  if (real_.ok()) settings.real = {*real_};
  absl::StatusOr<StandIn> stand_in = ChooseStandIn(settings);
  if (!stand_in.ok()) {
    SayError(absl::StrCat("pahole: ", stand_in.status().message()));
    return kExitFailure;
  }
  stand_in_ = *std::move(stand_in);
  std::string why;
  std::optional<Takeover> takeover;
  const std::optional<int> done = RunHere(&why, &takeover);
  if (done.has_value()) return *done;
  if (!real_.ok()) {
    SayError(absl::StrCat(real_.status().message(), "; it is needed: ", why));
    return kExitNoProgram;
  }
  if (stand_in_.choice == EncoderChoice::kNative && takeover.has_value()) {
    SayError(absl::StrCat("pahole: ", why,
                          "; this takes the real pahole, which "
                          "BTFD_ENCODER=native rules out"));
    return kExitFailure;
  }
  if (takeover.has_value()) ReportTakeover(*takeover);
  return RunByRealPahole(*real_, arguments_);
}

}  // namespace

int RunPaholeCommand(const std::vector<std::string>& arguments) {
  if (arguments.size() == 1 &&
      (arguments[0] == "--help" || arguments[0] == "-h")) {
    fputs(manual::HelpText(PaholePage()).c_str(), stdout);
    return 0;
  }
  return RunPahole(arguments);
}

int RunPahole(const std::vector<std::string>& arguments) {
  if (AnswersPaholeProbe()) return 0;
  return PaholeStandIn(arguments).Run();
}

}  // namespace btfd::client
