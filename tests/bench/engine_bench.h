// SPDX-License-Identifier: Apache-2.0
//
// The engine against libbpf, both in this process with the base resident, one
// thread, module after module in turn.
#ifndef BTFD_TESTS_BENCH_ENGINE_BENCH_H_
#define BTFD_TESTS_BENCH_ENGINE_BENCH_H_

#include <string>

#include "absl/status/status.h"
#include "tests/bench/report.h"
#include "tests/support/testdata.h"

namespace btfd::bench {

struct EngineBenchOptions {
  // Every n-th module only, for a quick look. The claims are made with 1.
  size_t stride = 1;
};

absl::Status BenchEngine(const tests::Kernel& kernel,
                         const EngineBenchOptions& options, Report* report);

// Building, storing and loading the base, its memory.
absl::Status BenchBase(const tests::Kernel& kernel, Report* report);

}  // namespace btfd::bench

#endif  // BTFD_TESTS_BENCH_ENGINE_BENCH_H_
