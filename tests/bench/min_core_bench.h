// SPDX-License-Identifier: Apache-2.0
//
// Compares cutting kernels' BTF down for BPF programs: `btfc min-core` with
// all in one call, and `bpftool gen min_core_btf` with a call for each output.
#ifndef BTFD_TESTS_BENCH_MIN_CORE_BENCH_H_
#define BTFD_TESTS_BENCH_MIN_CORE_BENCH_H_

#include "absl/status/status.h"
#include "tests/bench/process_bench.h"
#include "tests/bench/report.h"

namespace btfd::bench {

// 20 programs (tests/core/programs, compiled here) for all kernels of the test
// data that are there: an output for each program and kernel, an output for
// each kernel with all programs, and what one more program costs where the
// kernel's index is in memory.
absl::Status BenchMinCore(const Programs& programs, Report* report);

}  // namespace btfd::bench

#endif  // BTFD_TESTS_BENCH_MIN_CORE_BENCH_H_
