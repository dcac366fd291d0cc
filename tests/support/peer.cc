// SPDX-License-Identifier: Apache-2.0
#include "tests/support/peer.h"

#include <filesystem>

namespace btfd::tests {

namespace {

std::optional<std::string> ReadIfThere(const std::string& path) {
  if (!std::filesystem::exists(path)) return std::nullopt;
  return ReadFileOrEmpty(path);
}

}  // namespace

ResolveResult RunResolveBtfids(const std::vector<std::string>& tool,
                               const std::vector<std::string>& arguments,
                               const std::string& elf,
                               const ProcessOptions& options) {
  ScratchDir scratch;
  const std::string link = scratch.file("module.ko");
  std::filesystem::create_symlink(elf, link);
  std::vector<std::string> argv = tool;
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  argv.push_back(link);
  ProcessResult process = RunProcess(argv, options);

  ResolveResult result;
  result.exit_code = process.exit_code;
  result.err = std::move(process.err);
  result.btf = ReadIfThere(link + ".BTF");
  result.btf_base = ReadIfThere(link + ".BTF.base");
  result.btf_ids = ReadIfThere(link + ".BTF_ids");
  return result;
}

}  // namespace btfd::tests
