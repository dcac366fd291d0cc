// SPDX-License-Identifier: Apache-2.0
//
// Compares encoding BTF from DWARF with the real pahole 1.32, on the modules
// and the vmlinux of 7.3 that have DWARF (tools/testdata dbg-7.3), with 7.3's
// flags. They take turns.
//
// Processor time is user and system time: of pahole, resolve_btfids and the
// script on one side; of the client and of the daemon on the other.
#ifndef BTFD_TESTS_BENCH_ENCODE_BENCH_H_
#define BTFD_TESTS_BENCH_ENCODE_BENCH_H_

#include "absl/status/status.h"
#include "tests/bench/process_bench.h"
#include "tests/bench/report.h"

namespace btfd::bench {

absl::Status BenchEncode(const Programs& programs, Report* report);

}  // namespace btfd::bench

#endif  // BTFD_TESTS_BENCH_ENCODE_BENCH_H_
