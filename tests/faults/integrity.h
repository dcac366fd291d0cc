// SPDX-License-Identifier: Apache-2.0
#ifndef BTFD_TESTS_FAULTS_INTEGRITY_H_
#define BTFD_TESTS_FAULTS_INTEGRITY_H_

#include <string>

namespace btfd::tests {

// Returns "ok", or what SQLite's integrity check finds wrong, or "" if there is
// no database. No other process may have it open. Like any first process that
// opens a database, this one applies the journal that a killed process left.
std::string CheckIntegrity(const std::string& path);

}  // namespace btfd::tests

#endif  // BTFD_TESTS_FAULTS_INTEGRITY_H_
