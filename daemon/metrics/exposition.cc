// SPDX-License-Identifier: Apache-2.0
#include "daemon/metrics/exposition.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"

namespace btfd::daemon {

namespace {

// Whole numbers as such: %g would round those beyond six digits.
std::string Number(double value) { return absl::StrFormat("%.17g", value); }

std::string BoundName(double bound) { return absl::StrFormat("%g", bound); }

std::string Escaped(absl::string_view text) {
  return absl::StrReplaceAll(text,
                             {{"\\", "\\\\"}, {"\"", "\\\""}, {"\n", "\\n"}});
}

}  // namespace

void Exposition::Begin(absl::string_view name, absl::string_view type,
                       absl::string_view help) {
  name_ = std::string(name);
  absl::StrAppend(&text_, "# HELP ", name, " ",
                  absl::StrReplaceAll(help, {{"\\", "\\\\"}, {"\n", "\\n"}}),
                  "\n# TYPE ", name, " ", type, "\n");
}

void Exposition::Counter(absl::string_view name, absl::string_view help) {
  Begin(name, "counter", help);
}
void Exposition::Gauge(absl::string_view name, absl::string_view help) {
  Begin(name, "gauge", help);
}
void Exposition::Histogram(absl::string_view name, absl::string_view help) {
  Begin(name, "histogram", help);
}

void Exposition::Line(absl::string_view suffix, const Labels& labels,
                      double value) {
  absl::StrAppend(&text_, name_, suffix);
  absl::string_view separator = "{";
  for (const auto& [label, content] : labels) {
    absl::StrAppend(&text_, separator, label, "=\"", Escaped(content), "\"");
    separator = ",";
  }
  absl::StrAppend(&text_, labels.empty() ? "" : "}", " ", Number(value), "\n");
}

void Exposition::Sample(const Labels& labels, double value) {
  Line("", labels, value);
}

void Exposition::Sample(const Labels& labels,
                        const Latency::Snapshot& latency) {
  Labels with_bound = labels;
  with_bound.emplace_back("le", "");
  uint64_t count = 0;
  for (size_t i = 0; i < kLatencyBuckets; ++i) {
    count += latency.counts[i];
    with_bound.back().second =
        i < std::size(kLatencyBounds) ? BoundName(kLatencyBounds[i]) : "+Inf";
    Line("_bucket", with_bound, static_cast<double>(count));
  }
  Line("_sum", labels, latency.sum_seconds);
  Line("_count", labels, static_cast<double>(count));
}

}  // namespace btfd::daemon
