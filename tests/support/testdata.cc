// SPDX-License-Identifier: Apache-2.0
#include "tests/support/testdata.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace btfd::tests {

namespace fs = std::filesystem;

namespace {

absl::Status Missing(const std::string& path) {
  return absl::NotFoundError(
      absl::StrCat(path, " is missing: run tools/testdata first"));
}

}  // namespace

std::string TestdataRoot() {
  if (const char* root = std::getenv("BTFD_TESTDATA"); root && *root) {
    return root;
  }
  if (const char* cache = std::getenv("XDG_CACHE_HOME"); cache && *cache) {
    return absl::StrCat(cache, "/btfd-testdata");
  }
  const char* home = std::getenv("HOME");
  return absl::StrCat(home ? home : "", "/.cache/btfd-testdata");
}

absl::StatusOr<Kernel> FindKernel(const std::string& series) {
  Kernel kernel;
  kernel.directory = absl::StrCat(TestdataRoot(), "/kernels/", series);
  kernel.vmlinux = kernel.directory + "/vmlinux";
  kernel.vmlinux_btf = kernel.directory + "/vmlinux.btf";
  std::ifstream list(kernel.directory + "/modules.list");
  if (!list) return Missing(kernel.directory);
  for (std::string line; std::getline(list, line);) {
    if (!line.empty()) kernel.modules.push_back(kernel.directory + "/" + line);
  }
  if (kernel.modules.empty())
    return Missing(kernel.directory + "/modules.list");
  return kernel;
}

namespace {

// The directories in `root`, which are called after releases.
absl::StatusOr<std::vector<Kernel>> ReleasesIn(const std::string& root) {
  std::vector<Kernel> kernels;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(root, error)) {
    if (!entry.is_directory()) continue;
    Kernel kernel;
    kernel.directory = entry.path();
    kernel.vmlinux_btf = kernel.directory + "/vmlinux.btf";
    kernels.push_back(std::move(kernel));
  }
  if (kernels.empty()) return Missing(root);
  std::sort(kernels.begin(), kernels.end(),
            [](const Kernel& a, const Kernel& b) {
              return strverscmp(a.directory.c_str(), b.directory.c_str()) < 0;
            });
  return kernels;
}

}  // namespace

absl::StatusOr<std::vector<Kernel>> FindPointReleases() {
  return ReleasesIn(TestdataRoot() + "/point-releases/6.12");
}

absl::StatusOr<std::vector<Kernel>> FindReleases() {
  return ReleasesIn(TestdataRoot() + "/releases");
}

absl::StatusOr<std::string> FindKernelBtf(const std::string& series) {
  const std::string path =
      absl::StrCat(TestdataRoot(), "/kernels/", series, "/vmlinux.btf");
  if (!fs::exists(path)) return Missing(path);
  return path;
}

absl::StatusOr<std::string> FindPeer(const std::string& release) {
  std::string path =
      absl::StrCat(TestdataRoot(), "/peers/", release, "/resolve_btfids");
  if (!fs::exists(path)) return Missing(path);
  return path;
}

absl::StatusOr<std::string> FindBpftool() {
  std::string path = TestdataRoot() + "/peers/7.3/bpftool";
  if (!fs::exists(path)) return Missing(path);
  return path;
}

std::vector<std::string> SpreadBySize(const std::vector<std::string>& modules,
                                      size_t count) {
  std::vector<std::pair<uintmax_t, std::string>> by_size;
  for (const std::string& path : modules) {
    by_size.emplace_back(fs::file_size(path), path);
  }
  std::sort(by_size.begin(), by_size.end());
  if (by_size.size() <= count || count < 2) return modules;
  std::vector<std::string> spread;
  for (size_t i = 0; i < count; ++i) {
    spread.push_back(by_size[i * (by_size.size() - 1) / (count - 1)].second);
  }
  return spread;
}

std::vector<std::string> SpreadUnlessAll(
    const char* variable, const std::vector<std::string>& modules,
    size_t count) {
  const char* const value = std::getenv(variable);
  if (value != nullptr && std::string(value) == "all") return modules;
  return SpreadBySize(modules, count);
}

std::vector<std::string> ModulesNamed(const std::vector<std::string>& modules,
                                      const std::vector<std::string>& names) {
  std::vector<std::string> found;
  for (const std::string& path : modules) {
    const std::string stem = fs::path(path).stem().string();
    if (std::find(names.begin(), names.end(), stem) != names.end()) {
      found.push_back(path);
    }
  }
  return found;
}

}  // namespace btfd::tests
