// SPDX-License-Identifier: Apache-2.0
//
// Runs one process and times it, from before its start until it was waited for.
#ifndef BTFD_TESTS_BENCH_TIMED_PROCESS_H_
#define BTFD_TESTS_BENCH_TIMED_PROCESS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace btfd::bench {

struct Timing {
  double wall_ms = 0;
  double cpu_ms = 0;  // user and system, with its waited-for children
  double peak_rss_mib = 0;
};

// Entries (NAME=VALUE) replace those of this process's environment. Output is
// dropped. Internal, with the command line, if the process does not exit with
// 0.
absl::StatusOr<Timing> RunTimed(const std::vector<std::string>& argv,
                                const std::vector<std::string>& environment);

// The processor time that a process has used so far in milliseconds, and its
// peak memory in MiB.
absl::StatusOr<Timing> UsageOf(int pid);

}  // namespace btfd::bench

#endif  // BTFD_TESTS_BENCH_TIMED_PROCESS_H_
