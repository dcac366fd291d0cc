// SPDX-License-Identifier: Apache-2.0
#include "tests/faults/fixture.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "lib/btf/testing/builder.h"
#include "lib/elf/testing/elf_builder.h"
#include "tests/support/json.h"

namespace btfd::tests {

namespace fs = std::filesystem;

DaemonFaults::DaemonFaults() {
  btf::testing::BtfBuilder base;
  const btf::TypeId number = base.Int("int", 4);
  const btf::TypeId task =
      base.Struct("task", 8, {{"a", number, 0}, {"b", number, 32}});
  WriteFile(base_path_, base.Build());
  for (int i = 0; i < kModules; ++i) {
    btf::testing::BtfBuilder split(base);
    const btf::TypeId pointer = split.Ptr(task);
    // Each has some kilobytes, so that it takes some room in the store.
    for (int member = 0; member < 60 + i; ++member) {
      split.Struct(absl::StrCat("of_module_", i, "_number_", member), 8,
                   {{"task", pointer, 0}});
    }
    elf::ElfBuilder module;
    module.AddSection(".text", std::string(16, '\x90'));
    module.AddSection(".BTF", split.Build());
    WriteFile(Original(i), module.Build());
  }
}

void DaemonFaults::SetUp() {
  PrivateDaemon daemon(Programs::OfRunfiles());
  for (int i = 0; i < kModules; ++i) {
    const ProcessResult result = Finalize(daemon, i);
    ASSERT_EQ(result.exit_code, 0) << result.err;
    expected_.push_back(ReadFileOrEmpty(Copy()));
    ASSERT_NE(expected_.back(), ReadFileOrEmpty(Original(i)));
  }
}

std::string DaemonFaults::Original(int module) const {
  return scratch_.file(absl::StrCat("original", module, ".ko"));
}

ProcessResult DaemonFaults::Finalize(
    const PrivateDaemon& daemon, int module,
    const std::vector<std::string>& environment) const {
  fs::copy_file(Original(module), Copy(), fs::copy_options::overwrite_existing);
  return daemon.Client({"finalize", "--base", base_path_, "--profile=7.2",
                        "--distill=always", "--dedup", Copy()},
                       environment);
}

void DaemonFaults::FinalizeAll(const PrivateDaemon& daemon,
                               const std::vector<int>& modules,
                               const std::vector<std::string>& environment,
                               const std::string& where) const {
  for (const int module : modules) {
    const ProcessResult result = Finalize(daemon, module, environment);
    ASSERT_EQ(result.exit_code, 0) << where << ": " << result.err;
    ASSERT_TRUE(ReadFileOrEmpty(Copy()) == expected_[module])
        << where << ": module " << module;
  }
}

uint64_t DaemonFaults::Count(const PrivateDaemon& daemon,
                             const std::string& counter) {
  return JsonNumberAt(daemon.Client({"status", "--json"}).out,
                      "counters." + counter);
}

std::string DaemonFaults::RuntimeFile(const std::string& directory,
                                      const std::string& suffix) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(directory, error)) {
    if (absl::EndsWith(entry.path().string(), suffix)) return entry.path();
  }
  return "";
}

}  // namespace btfd::tests
