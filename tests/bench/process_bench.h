// SPDX-License-Identifier: Apache-2.0
//
// Whole processes, as a build starts them: the client against a warm daemon,
// and the peer's tool, in turn. The result cache is off throughout.
#ifndef BTFD_TESTS_BENCH_PROCESS_BENCH_H_
#define BTFD_TESTS_BENCH_PROCESS_BENCH_H_

#include <string>

#include "absl/status/status.h"
#include "tests/bench/report.h"
#include "tests/support/private_daemon.h"
#include "tests/support/testdata.h"

namespace btfd::bench {

struct Programs {
  tests::Programs ours;
  std::string peer_72;
  std::string peer_73;
};

// The drop-in, one module a process.
absl::Status BenchDropIn(const tests::Kernel& kernel, const Programs& programs,
                         Report* report);

// First request after a daemon's restart.
absl::Status BenchRestart(const tests::Kernel& kernel, const Programs& programs,
                          Report* report);

// All modules of a kernel: `btfc finalize --from-file`, and the drop-in by
// `xargs -P2`, against the peer with the objcopies of gen-btf.sh, which is run
// on a spread of modules and extrapolated.
absl::Status BenchBatch(const tests::Kernel& kernel, const Programs& programs,
                        Report* report);

}  // namespace btfd::bench

#endif  // BTFD_TESTS_BENCH_PROCESS_BENCH_H_
