// SPDX-License-Identifier: Apache-2.0
//
// The whole BTF step of a module, with pahole: ours, which keeps the base away
// from pahole, and upstream's way, in turn.
#ifndef BTFD_TESTS_BENCH_PAHOLE_BENCH_H_
#define BTFD_TESTS_BENCH_PAHOLE_BENCH_H_

#include "absl/status/status.h"
#include "tests/bench/process_bench.h"
#include "tests/bench/report.h"
#include "tests/support/testdata.h"

namespace btfd::bench {

// A module of two functions over `kernel` (7.2), from the linked file to the
// finished one: `btfc gen-btf` and upstream's gen-btf.sh. And pahole alone on
// Debian's 6.12 modules with DWARF (tools/testdata dbg-6.12).
absl::Status BenchPahole(const tests::Kernel& kernel, const Programs& programs,
                         Report* report);

}  // namespace btfd::bench

#endif  // BTFD_TESTS_BENCH_PAHOLE_BENCH_H_
