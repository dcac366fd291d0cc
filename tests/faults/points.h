// SPDX-License-Identifier: Apache-2.0
//
// Which points of a scenario are killed at, and what a directory looks like
// before and after. The environment variable BTFD_FAULTS=all means every one of
// them, and a number so many of each scenario; otherwise a test spreads a
// number of its own evenly, for the sake of time.
#ifndef BTFD_TESTS_FAULTS_POINTS_H_
#define BTFD_TESTS_FAULTS_POINTS_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "tests/faults/tracer.h"

namespace btfd::tests {

// True for BTFD_FAULTS=all.
bool EveryPoint();

// Both sides of each of `calls` calls, at most about `limit` of them unless
// EveryPoint(); always with the first and the last. Where the number of calls
// differs from run to run, a point may be behind the end of one.
std::vector<KillPoint> ChoosePoints(uint64_t calls, size_t limit);

// The same for a disk that is full from a call on.
std::vector<KillPoint> ChooseFullDisks(uint64_t calls, size_t limit);

// What is in a directory: mode and content of each file, by its name; with
// subdirectories ("sub/name"). Links are not followed.
using Snapshot = std::map<std::string, std::string>;
Snapshot TakeSnapshot(const std::string& directory);

// Takes out what a killed process may leave by its documented name
// (.tmp_btfd_*, see lib/util/file.h), and says how many these were.
size_t RemoveTemporaries(Snapshot* snapshot);

// Every file is as in one of the two, and none is missing that both have.
// Else what is wrong; not gtest's, so that it can be said once.
std::string NeitherOldNorNew(const Snapshot& found, const Snapshot& old,
                             const Snapshot& fresh);

// A line for whoever counts: "kill points: SCENARIO: N of M calls...".
void PrintPoints(const std::string& scenario, uint64_t calls, size_t killed,
                 const std::string& more = "");

}  // namespace btfd::tests

#endif  // BTFD_TESTS_FAULTS_POINTS_H_
