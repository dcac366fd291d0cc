// SPDX-License-Identifier: Apache-2.0
//
// Compares the engine with libbpf, both in this process on one thread, with the
// base in memory. They take turns with the modules.
#ifndef BTFD_TESTS_BENCH_ENGINE_BENCH_H_
#define BTFD_TESTS_BENCH_ENGINE_BENCH_H_

#include <string>

#include "absl/status/status.h"
#include "tests/bench/report.h"
#include "tests/support/testdata.h"

namespace btfd::bench {

struct EngineBenchOptions {
  // Take only every n-th module, for a quick look. README.md's numbers are from
  // 1.
  size_t stride = 1;
};

absl::Status BenchEngine(const tests::Kernel& kernel,
                         const EngineBenchOptions& options, Report* report);

// Measures building, storing and loading the base, and its memory.
absl::Status BenchBase(const tests::Kernel& kernel, Report* report);

}  // namespace btfd::bench

#endif  // BTFD_TESTS_BENCH_ENGINE_BENCH_H_
