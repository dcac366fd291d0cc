// SPDX-License-Identifier: Apache-2.0
//
// Prometheus' text format, version 0.0.4
// (https://prometheus.io/docs/instrumenting/exposition_formats/). Written here
// since Debian's prometheus-cpp comes as shared libraries alone, and the daemon
// is linked statically.
#ifndef BTFD_DAEMON_METRICS_EXPOSITION_H_
#define BTFD_DAEMON_METRICS_EXPOSITION_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "daemon/metrics/latency.h"

namespace btfd::daemon {

class Exposition {
 public:
  using Labels = std::vector<std::pair<absl::string_view, std::string>>;

  // Begins a metric; the samples that follow are its own. Each name once.
  void Counter(absl::string_view name, absl::string_view help);
  void Gauge(absl::string_view name, absl::string_view help);
  void Histogram(absl::string_view name, absl::string_view help);

  void Sample(const Labels& labels, double value);
  // Of a histogram.
  void Sample(const Labels& labels, const Latency::Snapshot& latency);

  const std::string& text() const { return text_; }

 private:
  void Begin(absl::string_view name, absl::string_view type,
             absl::string_view help);
  void Line(absl::string_view suffix, const Labels& labels, double value);

  std::string name_;
  std::string text_;
};

}  // namespace btfd::daemon

#endif  // BTFD_DAEMON_METRICS_EXPOSITION_H_
