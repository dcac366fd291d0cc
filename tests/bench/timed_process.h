// SPDX-License-Identifier: Apache-2.0
//
// One process, timed from before it is started until it has been waited for.
#ifndef BTFD_TESTS_BENCH_TIMED_PROCESS_H_
#define BTFD_TESTS_BENCH_TIMED_PROCESS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace btfd::bench {

struct Timing {
  double wall_ms = 0;
  double cpu_ms = 0;  // user and system, its waited-for children included
  double peak_rss_mib = 0;
};

// Environment entries (NAME=VALUE) replace this process's. Output is dropped.
// Internal, with the command line, unless it exits with 0.
absl::StatusOr<Timing> RunTimed(const std::vector<std::string>& argv,
                                const std::vector<std::string>& environment);

// CPU time that a process has used so far, in milliseconds, and the most
// memory it ever had, in MiB.
absl::StatusOr<Timing> UsageOf(int pid);

}  // namespace btfd::bench

#endif  // BTFD_TESTS_BENCH_TIMED_PROCESS_H_
