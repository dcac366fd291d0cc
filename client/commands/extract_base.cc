// SPDX-License-Identifier: Apache-2.0
//
// btfc extract-base: takes a base for module builds out of a boot image.
//
// What is found is written unchanged. A vmlinux stays a vmlinux, because kbuild
// expects one under this name. Raw BTF stays raw BTF, which pahole and
// resolve_btfids also read.
#include <stdio.h>

#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "client/cli/command_line.h"
#include "client/commands/commands.h"
#include "client/manual/pages.h"
#include "lib/elf/kernel_image.h"
#include "lib/util/digest.h"
#include "lib/util/write_output.h"

namespace btfd::client {

int RunExtractBase(const std::vector<std::string>& arguments) {
  bool raw = false;
  std::string output;
  CommandLine line(ExtractBasePage());
  line.Flag("raw", &raw);
  line.Value("output", &output);
  std::vector<std::string> rest;
  if (const std::optional<int> exit_code = line.Parse(arguments, &rest)) {
    return *exit_code;
  }
  if (rest.size() != 1) return line.WrongCall("name one KERNEL");
  if (output.empty()) return line.WrongCall("say where to, with -o FILE");

  const absl::StatusOr<elf::KernelImage> image = elf::ReadKernelImage(rest[0]);
  if (!image.ok()) {
    SayError(image.status().message());
    return kExitFailure;
  }
  const absl::string_view bytes = raw ? image->btf : image->bytes();
  const absl::Status written = util::WriteOutput(output, bytes, SayError);
  if (!written.ok()) {
    SayError(written.message());
    return kExitFailure;
  }
  SayLine(absl::StrCat(output, ": ", bytes.size(), " bytes, from ",
                       image->origin, "; .BTF of ", image->btf.size(),
                       " bytes, ", util::Digest::Of(image->btf).hex()));
  return 0;
}

}  // namespace btfd::client
