// SPDX-License-Identifier: Apache-2.0
//
// Compares whole processes, as a build starts them: the client with a warm
// daemon, and upstream's tool ("peer"). They take turns. The result cache is
// off.
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

// Measures the drop-in, one process for each module.
absl::Status BenchDropIn(const tests::Kernel& kernel, const Programs& programs,
                         Report* report);

// Measures the first request after a restart of the daemon.
absl::Status BenchRestart(const tests::Kernel& kernel, const Programs& programs,
                          Report* report);

// Measures all modules of a kernel: `btfc finalize --from-file`, and the
// drop-in by `xargs -P2`. The peer, with the objcopies of gen-btf.sh, is run on
// modules of all sizes, and its time for all modules is computed from that.
absl::Status BenchBatch(const tests::Kernel& kernel, const Programs& programs,
                        Report* report);

}  // namespace btfd::bench

#endif  // BTFD_TESTS_BENCH_PROCESS_BENCH_H_
