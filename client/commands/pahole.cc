// SPDX-License-Identifier: Apache-2.0
//
// btfc pahole: stands in for kbuild's $(PAHOLE).
//
// A call that encodes BTF over a base is done in two steps: the real pahole
// makes BTF without the base, which is the quicker the smaller the module; the
// daemon, which has the base at hand, puts that over it, and distills it where
// pahole was asked to. What is left then is what pahole would have left: the
// detached file, or the sections in the ELF. Every other call, and every one
// that cannot be done so, is pahole's own, with its arguments untouched.
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
#include "client/commands/pahole_arguments.h"
#include "client/commands/real_pahole.h"
#include "client/request/base_file.h"
#include "client/request/module_request.h"
#include "client/rpc/finalize_client.h"
#include "lib/elf/module_file.h"
#include "lib/elf/module_writer.h"
#include "lib/util/runtime_paths.h"
#include "lib/util/status_macros.h"
#include "lib/util/write_output.h"

namespace btfd::client {

namespace {

constexpr char kHelp[] =
    R"(usage: btfc pahole ARGUMENT...
       pahole ARGUMENT...    (a link of that name to btfc)

Stands in for pahole where a kernel is built. A call that encodes BTF over a
base (--btf_base) is done by the real pahole without the base, and the daemon,
which holds the base, puts the result over it: the same types, sooner. Every
other call is the real pahole's, with its arguments as they are; its own help
is that of `pahole --help`.

The real pahole is BTFD_PAHOLE, a path or a name, else the first in PATH that
does not lead back here.

Exit status: the real pahole's; 127 if there is none; with BTFD_REQUIRE=1 also 1
where the daemon could not do its part.
)";

// What the shell says of a program that is not there.
constexpr int kExitNoProgram = 127;

// Becomes the real pahole. Returns only where that cannot be.
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
    // In the ELF's directory, and under a name that kbuild's clean removes.
    const size_t slash = call_.elf.rfind('/');
    standalone_ = absl::StrCat(
        slash == std::string::npos ? "" : call_.elf.substr(0, slash + 1),
        ".tmp_btfd_", getpid(), ".BTF");
  }

  // pahole's exit code, or why this way does not lead to the end.
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
  // The libbpf that pahole comes with makes both.
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
  // pahole's detached file is the split BTF alone, distilled or not.
  if (call_.detached.has_value()) {
    return util::WriteOutput(*call_.detached, response.btf(), SayError);
  }
  ASSIGN_OR_RETURN(
      const elf::ModuleFile module,
      elf::ModuleFile::Open(call_.elf, elf::ModuleFile::Access::kReadWrite));
  std::vector<elf::SectionEdit> edits = {{elf::kBtf, response.btf()}};
  if (response.has_btf_base()) {
    edits.push_back({elf::kBtfBase, response.btf_base()});
  }
  elf::WriteOptions options;
  options.notice = SayError;
  return elf::WriteModule(module, edits, options).status();
}

absl::StatusOr<int> Encoding::Run() {
  std::vector<std::string> command = {pahole_};
  command.insert(command.end(), call_.rest.begin(), call_.rest.end());
  command.push_back("--btf_encode_detached=" + standalone_);
  command.push_back(call_.elf);
  const absl::Cleanup remove = [this] { unlink(standalone_.c_str()); };
  ASSIGN_OR_RETURN(const int exit_code, RunProgram(command));
  // Without DWARF pahole may well be content, and leave nothing.
  if (exit_code != 0 || access(standalone_.c_str(), F_OK) != 0) {
    return exit_code;
  }
  ASSIGN_OR_RETURN(const v1::FinalizeResponse response, PutOverBase());
  RETURN_IF_ERROR(Leave(response));
  return 0;
}

}  // namespace

int RunPaholeCommand(const std::vector<std::string>& arguments) {
  if (arguments.size() == 1 &&
      (arguments[0] == "--help" || arguments[0] == "-h")) {
    fputs(kHelp, stdout);
    return 0;
  }
  return RunPahole(arguments);
}

int RunPahole(const std::vector<std::string>& arguments) {
  const absl::StatusOr<std::string> pahole = ChooseRealPahole();
  if (!pahole.ok()) {
    SayError(pahole.status().message());
    return kExitNoProgram;
  }
  std::optional<PaholeEncoding> call = ParsePaholeEncoding(arguments);
  if (!call.has_value()) return HandOn(*pahole, arguments);
  const std::string elf = call->elf;
  Encoding encoding(*pahole, *std::move(call));
  const absl::StatusOr<int> exit_code = encoding.Run();
  if (exit_code.ok()) return *exit_code;
  const std::string why(exit_code.status().message());
  const bool named = absl::StrContains(why, elf);
  SayError(absl::StrCat("pahole: ", named ? "" : elf + ": ", why,
                        encoding.environment().require_daemon
                            ? ""
                            : "; pahole reads the base itself"));
  if (encoding.environment().require_daemon) return kExitFailure;
  return HandOn(*pahole, arguments);
}

}  // namespace btfd::client
