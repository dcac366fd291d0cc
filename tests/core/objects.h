// SPDX-License-Identifier: Apache-2.0
//
// The BPF object files that clang made of programs/, as tests need them.
#ifndef BTFD_TESTS_CORE_OBJECTS_H_
#define BTFD_TESTS_CORE_OBJECTS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "lib/core/program.h"

namespace btfd::tests {

// Paths in the test's runfiles, sorted: NAME.bpf.o, or for the other byte order
// NAME.bpfeb.o. Fails the process if there are none.
std::vector<std::string> BpfObjects(bool big_endian = false);
std::string BpfObject(const std::string& name, bool big_endian = false);

absl::StatusOr<core::Program> ReadProgram(const std::string& path);

// The content of an object file where each question whether a type exists is
// the question whether it matches, which clang 14 cannot ask.
std::string WithMatches(const std::string& path);

}  // namespace btfd::tests

#endif  // BTFD_TESTS_CORE_OBJECTS_H_
