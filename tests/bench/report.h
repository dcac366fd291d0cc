// SPDX-License-Identifier: Apache-2.0
//
// The results of a benchmark run: one row for each comparison. They are printed
// as a table and written as JSON.
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
  // For times: peer / ours. The bar, if there is one, must be reached.
  double ratio = 0;
  std::optional<double> bar;
  // For bars that are upper bounds (bytes in memory, time to build).
  bool bar_is_upper_bound = false;
};

class Report {
 public:
  // Adds a row of times; their ratio is peer / ours.
  void AddTimes(const std::string& name, const std::string& unit,
                const std::string& peer_name, std::vector<double> peer,
                std::vector<double> ours, Statistic statistic, double bar);
  // Adds a row of ours alone, whose median must not be above the bar.
  void AddUpperBound(const std::string& name, const std::string& unit,
                     std::vector<double> ours, double bar);
  // Adds any other row, with the ratio and bar that are in it.
  void Add(Row row) { rows_.push_back(std::move(row)); }
  // Adds a remark below the table (machine, counts, releases).
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
