// SPDX-License-Identifier: Apache-2.0
//
// Measures the shared cache. It compares, for all modules of a kernel on a
// builder with an empty store, fetching the results with computing them; and
// for a base's indexes, fetching with building.
#ifndef BTFD_TESTS_BENCH_REMOTE_BENCH_H_
#define BTFD_TESTS_BENCH_REMOTE_BENCH_H_

#include <string>

#include "absl/status/status.h"
#include "tests/bench/process_bench.h"
#include "tests/bench/report.h"
#include "tests/support/testdata.h"

namespace btfd::bench {

// `server` is HOST:PORT of an empty cache. If it is not given, a server in this
// process is used, which can also answer as if it were 20 ms away.
absl::Status BenchRemote(const tests::Kernel& kernel, const Programs& programs,
                         const std::string& server, Report* report);

}  // namespace btfd::bench

#endif  // BTFD_TESTS_BENCH_REMOTE_BENCH_H_
