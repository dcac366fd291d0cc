// SPDX-License-Identifier: Apache-2.0
#ifndef BTFD_TESTS_FAULTS_INTEGRITY_H_
#define BTFD_TESTS_FAULTS_INTEGRITY_H_

#include <string>

namespace btfd::tests {

// "ok", or what SQLite's integrity check finds wrong; "" where there is no
// database. Nobody else may have it open: like any first one who opens it, this
// takes over what a killed process left in its journal.
std::string CheckIntegrity(const std::string& path);

}  // namespace btfd::tests

#endif  // BTFD_TESTS_FAULTS_INTEGRITY_H_
