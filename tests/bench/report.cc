// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/report.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "lib/util/json.h"

namespace btfd::bench {

namespace {

const char* NameOf(Statistic statistic) {
  switch (statistic) {
    case Statistic::kMedian:
      return "median";
    case Statistic::kMean:
      return "mean";
    case Statistic::kTotal:
      return "total";
  }
  return "";
}

bool Reached(const Row& row) {
  if (!row.bar) return true;
  return row.bar_is_upper_bound ? row.ratio <= *row.bar : row.ratio >= *row.bar;
}

std::string JsonSpread(const Spread& spread) {
  return absl::StrFormat(
      "{\"count\": %d, \"p10\": %.6g, \"median\": %.6g, \"p90\": %.6g, "
      "\"mean\": %.6g, \"total\": %.6g}",
      spread.count, spread.p10, spread.median, spread.p90, spread.mean,
      spread.total);
}

}  // namespace

Spread SpreadOf(std::vector<double> sample) {
  Spread spread;
  spread.count = sample.size();
  if (sample.empty()) return spread;
  std::sort(sample.begin(), sample.end());
  const auto quantile = [&](double q) {
    return sample[static_cast<size_t>(q * (sample.size() - 1) + 0.5)];
  };
  spread.p10 = quantile(0.1);
  spread.median = quantile(0.5);
  spread.p90 = quantile(0.9);
  spread.total = std::accumulate(sample.begin(), sample.end(), 0.0);
  spread.mean = spread.total / sample.size();
  return spread;
}

double ValueOf(const Spread& spread, Statistic statistic) {
  switch (statistic) {
    case Statistic::kMedian:
      return spread.median;
    case Statistic::kMean:
      return spread.mean;
    case Statistic::kTotal:
      return spread.total;
  }
  return 0;
}

void Report::AddTimes(const std::string& name, const std::string& unit,
                      const std::string& peer_name, std::vector<double> peer,
                      std::vector<double> ours, Statistic statistic,
                      double bar) {
  Row row;
  row.name = name;
  row.unit = unit;
  row.peer_name = peer_name;
  row.statistic = statistic;
  row.peer = SpreadOf(std::move(peer));
  row.ours = SpreadOf(std::move(ours));
  row.ratio = ValueOf(row.peer, statistic) / ValueOf(row.ours, statistic);
  row.bar = bar;
  Add(std::move(row));
}

void Report::AddUpperBound(const std::string& name, const std::string& unit,
                           std::vector<double> ours, double bar) {
  Row row;
  row.name = name;
  row.unit = unit;
  row.peer_name = "bar";
  row.peer = SpreadOf({bar});
  row.ours = SpreadOf(std::move(ours));
  row.ratio = row.ours.median / bar;
  row.bar = 1;
  row.bar_is_upper_bound = true;
  rows_.push_back(std::move(row));
}

std::string Report::Table() const {
  std::string out =
      "| measured | | peer | ours | unit | ours p10-p90 | ratio | bar |\n"
      "|---|---|---|---|---|---|---|---|\n";
  for (const Row& row : rows_) {
    absl::StrAppendFormat(
        &out, "| %s | %s | %s %.3g | %.3g | %s | %.3g-%.3g | %.3g | %s |\n",
        row.name, NameOf(row.statistic), row.peer_name,
        ValueOf(row.peer, row.statistic), ValueOf(row.ours, row.statistic),
        row.unit, row.ours.p10, row.ours.p90, row.ratio,
        row.bar
            ? absl::StrFormat("%s %.3g: %s",
                              row.bar_is_upper_bound ? "at most" : "at least",
                              *row.bar, Reached(row) ? "met" : "MISSED")
            : "-");
  }
  for (const std::string& note : notes_) absl::StrAppend(&out, "\n", note);
  if (!notes_.empty()) out += "\n";
  return out;
}

std::string Report::Json() const {
  std::vector<std::string> rows;
  for (const Row& row : rows_) {
    rows.push_back(absl::StrFormat(
        "    {\"name\": %s, \"unit\": %s, \"statistic\": \"%s\", "
        "\"peer_name\": "
        "%s,\n     \"peer\": %s,\n     \"ours\": %s,\n     \"ratio\": %.6g, "
        "\"bar\": %s, \"bar_is_upper_bound\": %s, \"met\": %s}",
        util::JsonString(row.name), util::JsonString(row.unit),
        NameOf(row.statistic), util::JsonString(row.peer_name),
        JsonSpread(row.peer), JsonSpread(row.ours), row.ratio,
        row.bar ? absl::StrFormat("%.6g", *row.bar) : "null",
        row.bar_is_upper_bound ? "true" : "false",
        Reached(row) ? "true" : "false"));
  }
  std::vector<std::string> notes;
  for (const std::string& note : notes_)
    notes.push_back(util::JsonString(note));
  return absl::StrCat("{\n  \"rows\": [\n", absl::StrJoin(rows, ",\n"),
                      "\n  ],\n  \"notes\": [", absl::StrJoin(notes, ", "),
                      "]\n}\n");
}

}  // namespace btfd::bench
