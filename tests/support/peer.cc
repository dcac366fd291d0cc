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
  // Works on a copy: the tools open their file for writing, and the test data
  // may be on a file system that is read-only.
  const std::string copy = scratch.file("module.ko");
  std::filesystem::copy_file(elf, copy);
  std::vector<std::string> argv = tool;
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  argv.push_back(copy);
  ProcessResult process = RunProcess(argv, options);

  ResolveResult result;
  result.exit_code = process.exit_code;
  result.err = std::move(process.err);
  result.btf = ReadIfThere(copy + ".BTF");
  result.btf_base = ReadIfThere(copy + ".BTF.base");
  result.btf_ids = ReadIfThere(copy + ".BTF_ids");
  return result;
}

}  // namespace btfd::tests
