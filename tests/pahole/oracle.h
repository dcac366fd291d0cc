// SPDX-License-Identifier: Apache-2.0
//
// The real pahole as the oracle: its versions, the flags that kernels give
// them, and a run of one over one file.
#ifndef BTFD_TESTS_PAHOLE_ORACLE_H_
#define BTFD_TESTS_PAHOLE_ORACLE_H_

#include <optional>
#include <string>
#include <vector>

namespace btfd::tests {

// What a run leaves. The file is unset if the run wrote none.
struct EncodeResult {
  int exit_code = -1;
  std::string err;  // with FILE and OUT in place of the two paths
  std::optional<std::string> btf;
};

// The command that starts a real pahole of a version ("1.24", "1.30", "1.32").
// 1.24 is that of the machine; the others are in the `peers` folder of
// tools/testdata.
std::vector<std::string> RealPahole(const std::string& version,
                                    const std::string& peers);

// Runs `program... -J flags... [--btf_base=BASE] --btf_encode_detached=OUT
// input`. `base` may be empty. There must be no file at `out`; the run's output
// there is removed afterwards. `environment` is as in ProcessOptions.
EncodeResult RunPahole(const std::vector<std::string>& program,
                       const std::vector<std::string>& flags,
                       const std::string& base, const std::string& input,
                       const std::string& out,
                       const std::vector<std::string>& environment = {});

// One way to call a pahole. Tests print its `name`.
struct PaholeRun {
  std::string version;
  std::string name;
  std::vector<std::string> flags;
  bool with_base = false;
};

enum class Runs {
  // As kernels call the paholes, one run for each version: the options of 7.3,
  // 6.12 and 6.1.
  kUsual,
  // The same and others, with and without a base.
  kRandom,
  // The options of each kernel for each version that knows them, with and
  // without a base, and some options that no kernel uses.
  kAll,
};
const std::vector<PaholeRun>& RunsOf(Runs runs);

}  // namespace btfd::tests

#endif  // BTFD_TESTS_PAHOLE_ORACLE_H_
