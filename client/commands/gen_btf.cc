// SPDX-License-Identifier: Apache-2.0
//
// btfc gen-btf: the whole BTF step of a kernel build, from DWARF to the
// finished file; what scripts/gen-btf.sh of Linux 7.0 and newer does.
//
// pahole makes BTF of the DWARF, into a file beside the ELF; one request makes
// the finished sections of that; and these go into the module at once, or, for
// vmlinux, beside it: ELF.btf.o to be linked in and ELF.BTF_ids to be patched
// in after the last link.
//
// pahole spends most of its time on a module in reading the base, so it gets
// none: the daemon has the base, and puts what pahole made over it (rebase).
// The types are the same, but where upstream's pahole left duplicates they are
// gone; --upstream-exact does it upstream's way.
#include <stdlib.h>
#include <unistd.h>

#include <optional>
#include <utility>

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
#include "client/commands/resolve_btfids_options.h"
#include "client/request/base_file.h"
#include "client/request/module_request.h"
#include "client/request/profile.h"
#include "client/rpc/finalize_client.h"
#include "lib/elf/btf_object.h"
#include "lib/elf/module_file.h"
#include "lib/elf/module_writer.h"
#include "lib/util/runtime_paths.h"
#include "lib/util/status_macros.h"
#include "lib/util/write_output.h"

namespace btfd::client {

namespace {

constexpr char kHelp[] =
    "usage: btfc gen-btf [--upstream-exact] [--btf_base FILE] ELF\n"
    "\n"
    "Makes the BTF of a linked module or vmlinux, as scripts/gen-btf.sh of "
    "the\n"
    "kernel does, and calls ${PAHOLE} ${PAHOLE_FLAGS} for it.\n"
    "With --btf_base, ELF is a module: .BTF, .BTF.base and .BTF_ids end up in "
    "it.\n"
    "Without, ELF is vmlinux and stays as it is: ELF.btf.o and ELF.BTF_ids "
    "are\n"
    "left beside it.\n"
    "\n"
    "      --btf_base FILE   the vmlinux that the module is for\n"
    "      --upstream-exact  let pahole read the base, instead of putting what "
    "it\n"
    "                        makes over the daemon's: slower, and byte for "
    "byte\n"
    "                        what upstream's script gives\n"
    "\n"
    "From the environment, as kbuild exports them: PAHOLE, PAHOLE_FLAGS,\n"
    "RESOLVE_BTFIDS_FLAGS, KERNELVERSION, KBUILD_VERBOSE.\n";

std::string FromEnvironment(const char* name, const char* otherwise) {
  const char* value = getenv(name);
  return value != nullptr && *value != '\0' ? value : otherwise;
}

class GenBtf {
 public:
  GenBtf(std::string elf, std::string base, bool upstream_exact)
      : elf_(std::move(elf)),
        base_(std::move(base)),
        rebase_(!base_.empty() && !upstream_exact),
        encoded_(elf_ + ".BTF.1"),
        verbose_(absl::StrContains(FromEnvironment("KBUILD_VERBOSE", ""), "1")),
        environment_(Environment::OfProcess()) {}

  // The exit code; all is said.
  int Run();

 private:
  // The exit code of pahole.
  absl::StatusOr<int> Encode();
  absl::StatusOr<v1::FinalizeResponse> Finalize(const elf::ModuleFile& file);
  absl::Status Embed(const elf::ModuleFile& module,
                     const v1::FinalizeResponse& response) const;
  absl::Status LeaveBeside(const elf::ModuleFile& vmlinux,
                           const v1::FinalizeResponse& response) const;
  void RemoveLeftovers() const;
  bool is_module() const { return !base_.empty(); }

  const std::string elf_;
  const std::string base_;  // empty: vmlinux
  const bool rebase_;
  const std::string encoded_;  // what pahole makes
  const bool verbose_;         // show commands, as `make V=1` does
  const Environment environment_;
};

absl::StatusOr<int> GenBtf::Encode() {
  std::vector<std::string> command =
      SplitWords(FromEnvironment("PAHOLE", "pahole"));
  std::vector<std::string> flags =
      SplitWords(FromEnvironment("PAHOLE_FLAGS", ""));
  bool distills = false;
  if (rebase_) flags = WithoutDistilledBase(flags, &distills);
  command.push_back("-J");
  command.insert(command.end(), flags.begin(), flags.end());
  if (is_module() && !rebase_) {
    command.push_back("--btf_base");
    command.push_back(base_);
  }
  command.push_back("--btf_encode_detached=" + encoded_);
  command.push_back(elf_);
  if (verbose_) SayLine("+ " + ShowCommand(command));
  return RunProgram(command);
}

absl::StatusOr<v1::FinalizeResponse> GenBtf::Finalize(
    const elf::ModuleFile& file) {
  std::vector<std::string> words =
      SplitWords(FromEnvironment("RESOLVE_BTFIDS_FLAGS", ""));
  words.push_back(elf_);
  const ParsedResolveBtfids flags = ParseResolveBtfids(words, std::nullopt);
  if (flags.exit_code != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("RESOLVE_BTFIDS_FLAGS: ", flags.err));
  }
  ASSIGN_OR_RETURN(const Profile profile,
                   ChooseFinalizeProfile("", environment_.btfd_profile,
                                         environment_.kernel_version));
  std::optional<BaseFile> base;
  if (is_module()) {
    ASSIGN_OR_RETURN(base, BaseFile::Open(base_, environment_.base_check));
  }
  v1::FinalizeRequest request;
  RETURN_IF_ERROR(FillModule(file, IdsRule::kAsUpstream, encoded_, &request));
  StepOverrides overrides;
  overrides.distill = flags.options.distill_base && base.has_value();
  *request.mutable_steps() = StepsOf(profile, overrides);
  request.mutable_steps()->set_rebase(rebase_);
  // Upstream, pahole makes what is not distilled: by its own libbpf, whose
  // header what it made without the base has, too.
  if (rebase_ && !overrides.distill) {
    request.mutable_steps()->set_new_header_size(HeaderSizeOf(request.btf()));
  }
  // The vmlinux of this build is the base of its modules.
  request.set_register_result(!is_module() && profile.release != Release::k6x);
  if (verbose_) {
    SayLine(absl::StrCat("+ finalize as Linux ", ProfileName(profile.release),
                         " does: ", elf_));
  }
  FinalizeClient client(environment_, util::RuntimePathsOfProcess(), SayLine);
  ASSIGN_OR_RETURN(v1::FinalizeResponse response,
                   client.Finalize(&request, is_module() ? &*base : nullptr));
  for (const std::string& warning : response.warnings()) SayLine(warning);
  if (response.outcome() != v1::OK) {
    return absl::InvalidArgumentError(response.message());
  }
  // A profile that does not change BTF gives none: pahole's is the finished.
  if (!response.has_btf()) response.set_btf(request.btf());
  return response;
}

absl::Status GenBtf::Embed(const elf::ModuleFile& module,
                           const v1::FinalizeResponse& response) const {
  std::vector<elf::SectionEdit> edits = {{elf::kBtf, response.btf()}};
  if (response.has_btf_base()) {
    edits.push_back({elf::kBtfBase, response.btf_base()});
  }
  if (response.has_btf_ids()) {
    edits.push_back({elf::kBtfIds, response.btf_ids()});
  }
  elf::WriteOptions options;
  options.notice = SayError;
  return elf::WriteModule(module, edits, options).status();
}

absl::Status GenBtf::LeaveBeside(const elf::ModuleFile& vmlinux,
                                 const v1::FinalizeResponse& response) const {
  if (response.has_btf_ids()) {
    RETURN_IF_ERROR(util::WriteOutput(absl::StrCat(elf_, elf::kBtfIds),
                                      response.btf_ids(), SayError));
  }
  return util::WriteOutput(
      elf_ + ".btf.o", elf::MakeBtfObject(vmlinux, response.btf()), SayError);
}

// What upstream's script removes at its end; some of it can only be of an
// earlier run.
void GenBtf::RemoveLeftovers() const {
  unlink(encoded_.c_str());
  unlink(absl::StrCat(elf_, elf::kBtf).c_str());
  if (!is_module()) return;
  unlink(absl::StrCat(elf_, elf::kBtfBase).c_str());
  unlink(absl::StrCat(elf_, elf::kBtfIds).c_str());
}

int GenBtf::Run() {
  const absl::Cleanup clean_up = [this] { RemoveLeftovers(); };
  const auto fail = [this](absl::string_view message) {
    const bool named = absl::StrContains(message, elf_);
    SayError(absl::StrCat("gen-btf: ", named ? "" : elf_ + ": ", message));
    return kExitFailed;
  };
  const absl::StatusOr<int> encoded = Encode();
  if (!encoded.ok()) return fail(encoded.status().message());
  if (*encoded != 0) {
    fail(absl::StrCat("pahole ended with exit code ", *encoded));
    return *encoded;
  }
  const absl::StatusOr<elf::ModuleFile> file = elf::ModuleFile::Open(
      elf_, is_module() ? elf::ModuleFile::Access::kReadWrite
                        : elf::ModuleFile::Access::kRead);
  if (!file.ok()) return fail(file.status().message());
  const absl::StatusOr<v1::FinalizeResponse> response = Finalize(*file);
  if (!response.ok()) return fail(response.status().message());
  const absl::Status written =
      is_module() ? Embed(*file, *response) : LeaveBeside(*file, *response);
  if (!written.ok()) return fail(written.message());
  return 0;
}

}  // namespace

int RunGenBtf(const std::vector<std::string>& arguments) {
  std::string base;
  bool upstream_exact = false;
  CommandLine line("btfc gen-btf", kHelp);
  line.Value("btf_base", 0, &base);
  line.Flag("upstream-exact", 0, &upstream_exact);
  std::vector<std::string> rest;
  if (const std::optional<int> exit_code = line.Parse(arguments, &rest)) {
    return *exit_code;
  }
  if (rest.size() != 1) return line.WrongCall("name one ELF file");
  return GenBtf(rest[0], base, upstream_exact).Run();
}

}  // namespace btfd::client
