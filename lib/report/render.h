// SPDX-License-Identifier: Apache-2.0
//
// A report for people and for programs.
#ifndef BTFD_LIB_REPORT_RENDER_H_
#define BTFD_LIB_REPORT_RENDER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "lib/report/report.h"

namespace btfd::report {

// What the report is of, in words: "Linux 7.2.12", "12 modules"; and the base,
// empty if there is none.
struct Subject {
  std::string what;
  std::string base;
};

// "307.1 MB", "25.6 kB", "12 B"; of 1000.
std::string ShowBytes(uint64_t bytes);

// The sentences that say what matters, each with its numbers: what dedup
// against the base takes away, what modules have in common, which functions
// are missing.
std::vector<std::string> Verdict(const Report& report);

// Tables. `top` is how many modules and types are named.
std::string Text(const Report& report, const Subject& subject, size_t top);

// A line of JSON for each module, then one with the member "summary" (with the
// `top` types that are repeated most).
std::string JsonLines(const Report& report, const Subject& subject, size_t top);

// A page of HTML that needs nothing else: a treemap of the modules, tables and
// a search box.
std::string Page(const Report& report, const Subject& subject);

}  // namespace btfd::report

#endif  // BTFD_LIB_REPORT_RENDER_H_
