// SPDX-License-Identifier: Apache-2.0
//
// Chooses the points at which a scenario is killed, and compares the content of
// a directory before and after. The environment variable BTFD_FAULTS=all means
// every point; a number means so many points of each scenario. Without it, each
// test has a number of its own. To save time, the chosen points are spread
// evenly.
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

// Points before and after each of `calls` calls. At most about `limit` of the
// calls are taken, unless EveryPoint(); the first and the last call always are.
// If the number of calls differs from run to run, a point may lie beyond the
// end of a run.
std::vector<KillPoint> ChoosePoints(uint64_t calls, size_t limit);

// The same for a disk that is full from a call on.
std::vector<KillPoint> ChooseFullDisks(uint64_t calls, size_t limit);

// The content of a directory: the mode and content of each file by its name.
// The name of a file in a subdirectory is "sub/name". Links are not followed.
using Snapshot = std::map<std::string, std::string>;
Snapshot TakeSnapshot(const std::string& directory);

// Removes the files that a killed process may leave, which have a documented
// name (.tmp_btfd_*, see lib/util/file.h). Returns how many they were.
size_t RemoveTemporaries(Snapshot* snapshot);

// Checks that every file is as in one of the two, and that no file is missing
// that both have. Returns what is wrong, or an empty string. It is no gtest
// assertion, so that the caller can report it once.
std::string NeitherOldNorNew(const Snapshot& found, const Snapshot& old,
                             const Snapshot& fresh);

// Prints a line for the count: "kill points: SCENARIO: N of M calls...".
void PrintPoints(const std::string& scenario, uint64_t calls, size_t killed,
                 const std::string& more = "");

}  // namespace btfd::tests

#endif  // BTFD_TESTS_FAULTS_POINTS_H_
