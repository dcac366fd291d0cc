// SPDX-License-Identifier: Apache-2.0
//
// Measures what shows BTF: `btfc dump` against `bpftool btf dump`, and `btfc
// diff`, which has no peer.
#ifndef BTFD_TESTS_BENCH_SHOW_BENCH_H_
#define BTFD_TESTS_BENCH_SHOW_BENCH_H_

#include "absl/status/status.h"
#include "tests/bench/process_bench.h"
#include "tests/bench/report.h"

namespace btfd::bench {

// 7.2's vmlinux as text and as C, and compared with 7.3's; processor time for
// the dumps, wall time for the comparison.
absl::Status BenchShow(const Programs& programs, Report* report);

}  // namespace btfd::bench

#endif  // BTFD_TESTS_BENCH_SHOW_BENCH_H_
