// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/show_bench.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "lib/util/status_macros.h"
#include "tests/bench/timed_process.h"
#include "tests/support/testdata.h"

namespace btfd::bench {

namespace {

constexpr int kRounds = 11;

}  // namespace

absl::Status BenchShow(const Programs& programs, Report* report) {
  ASSIGN_OR_RETURN(const std::string bpftool, tests::FindBpftool());
  ASSIGN_OR_RETURN(const std::string old_btf, tests::FindKernelBtf("7.2"));
  ASSIGN_OR_RETURN(const std::string new_btf, tests::FindKernelBtf("7.3"));
  const std::string& btfc = programs.ours.btfc;
  for (const std::string format : {"raw", "c"}) {
    std::vector<double> theirs, ours;
    for (int i = 0; i <= kRounds; ++i) {
      ASSIGN_OR_RETURN(
          const Timing peer,
          RunTimed({bpftool, "btf", "dump", "file", old_btf, "format", format},
                   {}));
      ASSIGN_OR_RETURN(
          const Timing mine,
          RunTimed({btfc, "dump", "--format", format, old_btf}, {}));
      // The first round only warms the caches.
      if (i == 0) continue;
      theirs.push_back(peer.cpu_ms);
      ours.push_back(mine.cpu_ms);
    }
    // It must not be slower.
    report->AddTimes(absl::StrCat("dump of 7.2's vmlinux, ", format, ", CPU"),
                     "ms", "bpftool of 7.3", std::move(theirs), std::move(ours),
                     Statistic::kMedian, 1);
  }
  std::vector<double> ours;
  for (int i = 0; i < kRounds; ++i) {
    // They differ, which diff says by its exit code.
    ASSIGN_OR_RETURN(const Timing mine,
                     RunTimed({"/bin/sh", "-c", "\"$@\" || [ $? = 1 ]", "sh",
                               btfc, "diff", old_btf, new_btf},
                              {}));
    ours.push_back(mine.wall_ms / 1e3);
  }
  report->AddUpperBound("diff of 7.2's and 7.3's vmlinux", "s", std::move(ours),
                        1);
  return absl::OkStatus();
}

}  // namespace btfd::bench
