// SPDX-License-Identifier: Apache-2.0
//
// Where the real kernels and the peer tools are, as `tools/testdata` leaves
// them. A machine without them fails its tests with a message that says so: a
// skipped proof is not a passed one.
#ifndef BTFD_TESTS_SUPPORT_TESTDATA_H_
#define BTFD_TESTS_SUPPORT_TESTDATA_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace btfd::tests {

// $BTFD_TESTDATA, else btfd-testdata in the user's cache directory.
std::string TestdataRoot();

// A kernel ("6.12", "7.2") of the test data.
struct Kernel {
  std::string directory;
  std::string vmlinux;               // ELF
  std::string vmlinux_btf;           // raw .BTF
  std::vector<std::string> modules;  // absolute paths of .ko files, sorted
};
// NotFound, with what to run, where the kernel is not there.
absl::StatusOr<Kernel> FindKernel(const std::string& series);

// Older point releases of the kernel "6.12", oldest first: no vmlinux and no
// modules, but a vmlinuz. NotFound likewise.
absl::StatusOr<std::vector<Kernel>> FindPointReleases();

// Path of the `resolve_btfids` of a release ("6.12", "7.2", "7.3"). NotFound
// with what to run.
absl::StatusOr<std::string> FindPeer(const std::string& release);

// Every `count`-th or so of `modules` by file size, smallest and largest
// included: a spread that has every weight in it.
std::vector<std::string> SpreadBySize(const std::vector<std::string>& modules,
                                      size_t count);

// The modules whose file name without .ko is among `names`.
std::vector<std::string> ModulesNamed(const std::vector<std::string>& modules,
                                      const std::vector<std::string>& names);

}  // namespace btfd::tests

#endif  // BTFD_TESTS_SUPPORT_TESTDATA_H_
