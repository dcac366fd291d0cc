// SPDX-License-Identifier: Apache-2.0
#include "tests/qemu/guest.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tests/support/process.h"

namespace btfd::tests {

Guest Boot(const Kernel& kernel, const std::string& log,
           const std::vector<std::string>& modules,
           const std::vector<std::string>& environment) {
  std::vector<std::string> argv = {
      std::filesystem::absolute("tools/qemu-load").string(), kernel.directory,
      log};
  argv.insert(argv.end(), modules.begin(), modules.end());
  ProcessOptions options;
  options.environment = environment;
  const ProcessResult result = RunProcess(argv, options);
  EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
  Guest guest;
  guest.log = absl::StrCat(result.out, "\n", ReadFileOrEmpty(log));
  for (absl::string_view line : absl::StrSplit(guest.log, '\n')) {
    const std::vector<std::string> words =
        absl::StrSplit(line, absl::ByAnyChar(" \r"), absl::SkipEmpty());
    if (words.size() == 4 && words[0] == "LOAD") {
      guest.verdicts[words[1]] = absl::StrCat(words[2], " ", words[3]);
    }
  }
  return guest;
}

}  // namespace btfd::tests
