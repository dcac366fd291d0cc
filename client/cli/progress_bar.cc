// SPDX-License-Identifier: Apache-2.0
#include "client/cli/progress_bar.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"

namespace btfd::client {

namespace {

constexpr absl::Duration kRedraw = absl::Milliseconds(100);
constexpr size_t kCells = 40;

}  // namespace

void ProgressBar::Draw(size_t done, size_t failed, bool always) {
  const absl::Time now = absl::Now();
  if (!always && done < total_ && now - drawn_ < kRedraw) return;
  drawn_ = now;
  const size_t cells = total_ == 0 ? kCells : kCells * done / total_;
  std::string bar =
      absl::StrFormat("[%s%s] %d of %d", std::string(cells, '#'),
                      std::string(kCells - cells, '.'), done, total_);
  if (failed > 0) absl::StrAppend(&bar, ", ", failed, " failed");
  // The bar on the terminal may be longer.
  const size_t width = bar.size();
  if (width_ > width) bar.append(width_ - width, ' ');
  fprintf(out_, "\r%s", bar.c_str());
  fflush(out_);
  width_ = width;
}

void ProgressBar::Clear() {
  if (width_ == 0) return;
  fprintf(out_, "\r%s\r", std::string(width_, ' ').c_str());
  fflush(out_);
  width_ = 0;
}

void ProgressBar::Finish() {
  if (width_ > 0) fputc('\n', out_);
  width_ = 0;
}

}  // namespace btfd::client
