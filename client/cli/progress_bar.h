// SPDX-License-Identifier: Apache-2.0
//
// A bar on a terminal that says how much of a number of things is done.
#ifndef BTFD_CLIENT_CLI_PROGRESS_BAR_H_
#define BTFD_CLIENT_CLI_PROGRESS_BAR_H_

#include <stdio.h>

#include <cstddef>

#include "absl/time/time.h"

namespace btfd::client {

// Not thread-safe. It draws nothing before the first Draw().
class ProgressBar {
 public:
  explicit ProgressBar(FILE* out, size_t total) : out_(out), total_(total) {}

  // At most ten times a second, unless `always` or all is done.
  void Draw(size_t done, size_t failed, bool always);
  // Takes the bar away, so that a line can be printed; Draw() brings it back.
  void Clear();
  // Ends the line of the bar.
  void Finish();

 private:
  FILE* const out_;
  const size_t total_;
  absl::Time drawn_ = absl::InfinitePast();
  size_t width_ = 0;  // of what stands on the terminal; 0: nothing
};

}  // namespace btfd::client

#endif  // BTFD_CLIENT_CLI_PROGRESS_BAR_H_
