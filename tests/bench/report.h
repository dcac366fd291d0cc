// SPDX-License-Identifier: Apache-2.0
//
// What a benchmark run found: one row a comparison, printed as a table and
// written as JSON.
#ifndef BTFD_TESTS_BENCH_REPORT_H_
#define BTFD_TESTS_BENCH_REPORT_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"

namespace btfd::bench {

// Quantiles of a sample, in the sample's unit.
struct Spread {
  double p10 = 0;
  double median = 0;
  double p90 = 0;
  double mean = 0;
  double total = 0;
  size_t count = 0;
};
Spread SpreadOf(std::vector<double> sample);

enum class Statistic { kMedian, kMean, kTotal };

struct Row {
  std::string name;
  std::string unit;  // "ms", "s", "MiB", "modules/s"
  std::string peer_name;
  Statistic statistic = Statistic::kMedian;
  Spread peer;
  Spread ours;
  // peer / ours for times; what must be reached, if something must.
  double ratio = 0;
  std::optional<double> bar;
  // For bars that are upper bounds (bytes resident, build time).
  bool bar_is_upper_bound = false;
};

class Report {
 public:
  // Times: ratio is peer over ours.
  void AddTimes(const std::string& name, const std::string& unit,
                const std::string& peer_name, std::vector<double> peer,
                std::vector<double> ours, Statistic statistic, double bar);
  // Anything else: ratio as given, with its bar.
  void Add(Row row) { rows_.push_back(std::move(row)); }
  // A remark that belongs under the table (machine, counts, releases).
  void Note(const std::string& text) { notes_.push_back(text); }

  std::string Table() const;
  std::string Json() const;

 private:
  std::vector<Row> rows_;
  std::vector<std::string> notes_;
};

double ValueOf(const Spread& spread, Statistic statistic);

}  // namespace btfd::bench

#endif  // BTFD_TESTS_BENCH_REPORT_H_
