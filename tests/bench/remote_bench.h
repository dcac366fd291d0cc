// SPDX-License-Identifier: Apache-2.0
//
// The shared cache: all modules of a kernel on a builder that has nothing but
// its name, against computing them; and a base's indexes fetched against built.
#ifndef BTFD_TESTS_BENCH_REMOTE_BENCH_H_
#define BTFD_TESTS_BENCH_REMOTE_BENCH_H_

#include <string>

#include "absl/status/status.h"
#include "tests/bench/process_bench.h"
#include "tests/bench/report.h"
#include "tests/support/testdata.h"

namespace btfd::bench {

// `server` is HOST:PORT of a cache that is empty; without one, a server in this
// process is used, which can also play one that is 20 ms away.
absl::Status BenchRemote(const tests::Kernel& kernel, const Programs& programs,
                         const std::string& server, Report* report);

}  // namespace btfd::bench

#endif  // BTFD_TESTS_BENCH_REMOTE_BENCH_H_
