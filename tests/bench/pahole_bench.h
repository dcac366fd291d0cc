// SPDX-License-Identifier: Apache-2.0
//
// Compares the whole BTF step of a module, with pahole: ours, in which pahole
// does not read the base, and upstream's. They take turns.
#ifndef BTFD_TESTS_BENCH_PAHOLE_BENCH_H_
#define BTFD_TESTS_BENCH_PAHOLE_BENCH_H_

#include "absl/status/status.h"
#include "tests/bench/process_bench.h"
#include "tests/bench/report.h"
#include "tests/support/testdata.h"

namespace btfd::bench {

// Measures a module of two functions over `kernel` (7.2), from the linked file
// to the finished one: `btfc gen-btf` and upstream's gen-btf.sh. Also measures
// pahole alone on Debian's 6.12 modules with DWARF (tools/testdata dbg-6.12).
absl::Status BenchPahole(const tests::Kernel& kernel, const Programs& programs,
                         Report* report);

}  // namespace btfd::bench

#endif  // BTFD_TESTS_BENCH_PAHOLE_BENCH_H_
