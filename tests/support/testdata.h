// SPDX-License-Identifier: Apache-2.0
//
// Finds the real kernels and upstream's programs that `tools/testdata` has
// prepared. If they are missing, tests fail with a message that says so: a test
// that is skipped shows nothing.
#ifndef BTFD_TESTS_SUPPORT_TESTDATA_H_
#define BTFD_TESTS_SUPPORT_TESTDATA_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace btfd::tests {

// $BTFD_TESTDATA, or else btfd-testdata in the user's cache directory.
std::string TestdataRoot();

// A kernel ("6.12", "7.2", "7.3") of the test data.
struct Kernel {
  std::string directory;
  std::string vmlinux;               // ELF
  std::string vmlinux_btf;           // raw .BTF
  std::vector<std::string> modules;  // absolute paths of .ko files, sorted

  // The boot image that vmlinux came out of.
  std::string vmlinuz() const { return directory + "/vmlinuz"; }
};
// NotFound says what to run if the kernel is not there.
absl::StatusOr<Kernel> FindKernel(const std::string& series);

// Older point releases of the kernel "6.12", oldest first. They have a vmlinuz,
// but no vmlinux and no modules. NotFound as above.
absl::StatusOr<std::vector<Kernel>> FindPointReleases();
// 25 releases of several series, for benchmarks; vmlinux_btf only.
absl::StatusOr<std::vector<Kernel>> FindReleases();

// The raw .BTF of a kernel, also of one that has no modules here ("6.1").
// NotFound as above.
absl::StatusOr<std::string> FindKernelBtf(const std::string& series);

// The path of the `resolve_btfids` of a release ("6.12", "7.2", "7.3").
// NotFound says what to run.
absl::StatusOr<std::string> FindPeer(const std::string& release);

// The path of Linux 7.3\'s `bpftool`. NotFound says what to run.
absl::StatusOr<std::string> FindBpftool();

// Sorts `modules` by file size and returns about `count` of them at even
// distances, with the smallest and the largest.
std::vector<std::string> SpreadBySize(const std::vector<std::string>& modules,
                                      size_t count);

// The same, or all of them if the environment says VARIABLE=all, as tools do
// that take their time.
std::vector<std::string> SpreadUnlessAll(
    const char* variable, const std::vector<std::string>& modules,
    size_t count);

// The modules whose file name without .ko is among `names`.
std::vector<std::string> ModulesNamed(const std::vector<std::string>& modules,
                                      const std::vector<std::string>& names);

}  // namespace btfd::tests

#endif  // BTFD_TESTS_SUPPORT_TESTDATA_H_
