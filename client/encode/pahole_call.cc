// SPDX-License-Identifier: Apache-2.0
#include "client/encode/pahole_call.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "client/cli/command_line.h"
#include "client/request/base_file.h"
#include "client/rpc/finalize_client.h"
#include "lib/util/file.h"
#include "lib/util/heap.h"
#include "lib/util/runtime_paths.h"
#include "lib/util/status_macros.h"
#include "lib/util/write_output.h"

namespace btfd::client {

namespace {

// The header size that the libbpf of each pahole here writes.
constexpr uint32_t kPaholesHeader = 24;

// The errno by which libbpf reports the error.
int ErrnoOf(const absl::Status& status) {
  return absl::IsNotFound(status) ? ENOENT : EINVAL;
}

}  // namespace

absl::Status WriteDetached(const std::string& path, absl::string_view bytes) {
  struct stat info;
  if (stat(path.c_str(), &info) == 0) {
    return util::WriteOutput(path, bytes, SayError);
  }
  ASSIGN_OR_RETURN(util::ReplacementFile file,
                   util::ReplacementFile::Create(path, nullptr));
  const mode_t mask = umask(0);
  umask(mask);
  if (fchmod(file.fd(), 0640 & ~mask) != 0) {
    return util::ErrnoStatus(path, "cannot set its mode");
  }
  RETURN_IF_ERROR(util::WriteAt(file.fd(), path, bytes, 0));
  return file.Commit();
}

int NativePaholeCall::WithoutDwarf(const absl::Status& why) const {
  // It is usual that there is no DWARF. It is an error if the DWARF is
  // defective.
  if (call_.verbose || absl::IsInvalidArgument(why)) {
    SayLine(absl::StrCat("pahole: ", why.message()));
  }
  if (rules_.silent_without_dwarf) return 0;
  SayLine(absl::StrCat("pahole: ", call_.elf, ": Invalid argument"));
  return kExitFailure;
}

int NativePaholeCall::EncodingFailed(const absl::Status& why) const {
  SayLine(absl::StrCat(call_.elf, ": ", why.message()));
  SayLine("Error while encoding BTF.");
  if (rules_.silent_without_dwarf) return 0;
  SayLine(absl::StrCat("pahole: ", call_.elf, ": Invalid argument"));
  return kExitFailure;
}

absl::StatusOr<EncodedAnswer> NativePaholeCall::Encode(
    const elf::ModuleFile& file, BaseFile* base) const {
  v1::FinalizeRequest request;
  v1::Steps* const steps = request.mutable_steps();
  // pahole's detached file contains only the split BTF, whether it is distilled
  // or not.
  steps->set_distill(call_.options.features.distilled_base && base != nullptr &&
                     !call_.detached.has_value());
  steps->set_new_header_size(kPaholesHeader);
  FinalizeClient client(environment_, util::RuntimePathsOfProcess(), SayLine);
  std::optional<encode::BaseNames> names;
  return EncodeAndFinalize(file, call_.options, &request, &client, base,
                           &names);
}

int NativePaholeCall::BadBase(const absl::Status& why) const {
  SayLine(absl::StrCat("pahole: ", why.message()));
  SayLine(absl::StrCat("Failed to parse base BTF '", *call_.base, "': -",
                       ErrnoOf(why)));
  return kExitFailure;
}

absl::Status NativePaholeCall::Leave(
    const elf::ModuleFile& file, const v1::FinalizeResponse& response) const {
  if (call_.detached.has_value()) {
    return WriteDetached(*call_.detached, response.btf());
  }
  return EmbedAnswer(file, response);
}

absl::StatusOr<int> NativePaholeCall::RunOn(const elf::ModuleFile& file) {
  util::PrepareHeap();
  std::optional<BaseFile> base;
  if (call_.base.has_value()) {
    absl::StatusOr<BaseFile> opened =
        BaseFile::Open(*call_.base, environment_.base_check);
    if (!opened.ok()) return BadBase(opened.status());
    base = *std::move(opened);
  }
  const absl::StatusOr<EncodedAnswer> asked =
      Encode(file, base.has_value() ? &*base : nullptr);
  if (!asked.ok()) {
    const bool of_base =
        absl::StrContains(asked.status().message(), call_.base.value_or("\n"));
    return of_base ? absl::StatusOr<int>(BadBase(asked.status()))
                   : absl::UnavailableError(asked.status().message());
  }
  const EncodedAnswer& answer = *asked;
  for (const std::string& line : answer.encoded.messages) SayLine(line);
  switch (answer.encoding.code()) {
    case absl::StatusCode::kOk:
      break;
    case absl::StatusCode::kUnimplemented:
      return answer.encoding;
    case absl::StatusCode::kNotFound:
      if (absl::StrContains(answer.encoding.message(), ".symtab")) {
        SayLine("Error creating BTF encoder.");
        return rules_.silent_without_dwarf ? 0 : kExitFailure;
      }
      return WithoutDwarf(answer.encoding);
    case absl::StatusCode::kInvalidArgument:
      return WithoutDwarf(answer.encoding);
    default:
      return EncodingFailed(answer.encoding);
  }
  if (answer.nothing_to_encode) return 0;
  const absl::Status explained = Explain(explain_, call_.elf, answer.encoded);
  if (!explained.ok()) {
    SayError(explained.message());
    return kExitFailure;
  }
  for (const std::string& line : MissingKfuncLines(call_.elf, answer.encoded)) {
    SayLine(line);
  }
  if (explain_.require_kfuncs && !answer.encoded.missing_kfuncs.empty()) {
    SayError(absl::StrCat("pahole: ", call_.elf,
                          ": kfuncs have no FUNC, and --require-kfuncs is "
                          "given"));
    return kExitFailure;
  }
  for (const std::string& warning : answer.response.warnings()) {
    SayLine(warning);
  }
  if (answer.response.outcome() == v1::BAD_BASE) {
    return BadBase(absl::InvalidArgumentError(answer.response.message()));
  }
  absl::Status left = answer.response.outcome() == v1::OK
                          ? Leave(file, answer.response)
                          : absl::InvalidArgumentError(absl::StrCat(
                                call_.elf, ": ", answer.response.message(),
                                ": btf__dedup failed!"));
  if (!left.ok()) {
    SayLine(left.message());
    SayLine("Failed to encode BTF");
    return kExitFailure;
  }
  return 0;
}

absl::StatusOr<int> NativePaholeCall::Run() {
  if (call_.verbose) {
    SayLine(absl::StrCat("btfc stands for pahole ", DescribeStandIn(stand_in_),
                         ", and encodes ", call_.elf));
  }
  const absl::StatusOr<elf::ModuleFile> file = elf::ModuleFile::Open(
      call_.elf, call_.detached.has_value()
                     ? elf::ModuleFile::Access::kRead
                     : elf::ModuleFile::Access::kReadWrite);
  // If pahole prints nothing here, neither do we: the next program will miss
  // the output.
  if (!file.ok())
    return WithoutDwarf(absl::NotFoundError(file.status().message()));
  return RunOn(*file);
}

}  // namespace btfd::client
