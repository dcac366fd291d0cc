// SPDX-License-Identifier: Apache-2.0
//
// Shows a batch: a progress bar on a terminal, else one line for each module,
// or JSON Lines (one object for each module, then one with the member
// "summary"). Failures and warnings always go to stderr.
#ifndef BTFD_CLIENT_BATCH_BATCH_REPORT_H_
#define BTFD_CLIENT_BATCH_BATCH_REPORT_H_

#include <stdio.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/time/time.h"
#include "client/batch/batch.h"
#include "client/cli/progress_bar.h"

namespace btfd::client {

enum class ReportForm { kLines, kBar, kJson };

// Not thread-safe.
class BatchReport {
 public:
  // `total` is the number of modules in the batch.
  BatchReport(ReportForm form, size_t total, FILE* out, FILE* err);

  void Add(const ModuleResult& result);
  // Prints the summary. Called once, at the end. Modules that were not reported
  // count as left undone.
  void Finish();

  size_t failed() const { return failed_; }

 private:
  void AddLine(const ModuleResult& result);
  void AddJson(const ModuleResult& result);
  void SayLine(const std::string& line);

  const ReportForm form_;
  const size_t total_;
  FILE* const out_;
  FILE* const err_;
  const absl::Time started_;
  ProgressBar bar_;

  size_t done_ = 0;
  size_t failed_ = 0;
  size_t cached_ = 0;
  uint64_t bytes_in_ = 0;
  uint64_t bytes_out_ = 0;
  uint64_t engine_ns_ = 0;
};

}  // namespace btfd::client

#endif  // BTFD_CLIENT_BATCH_BATCH_REPORT_H_
