// SPDX-License-Identifier: Apache-2.0
//
// libbpf of Linux 7.3 as the oracle: what its own code, the one that loads
// programs, makes of each relocation of a program in a kernel with a module.
#ifndef BTFD_TESTS_CORE_RESOLUTION_H_
#define BTFD_TESTS_CORE_RESOLUTION_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "lib/core/program.h"

namespace btfd::tests {

struct OracleValue {
  int error = 0;  // libbpf's negative errno: the program cannot be loaded
  uint64_t value = 0;
  bool poisoned = false;
  // Of the type that was found, instead of its id.
  std::string type_name;

  bool operator==(const OracleValue& other) const {
    return error == other.error && value == other.value &&
           poisoned == other.poisoned && type_name == other.type_name;
  }
};

// One value for each relocation of the kernel, in order. `btf` is the program's
// raw .BTF. Types come from `kernel`, or where that has none of the name, from
// `module`, which is split BTF over it or empty. Ends the test's process if
// libbpf refuses one of them.
std::vector<OracleValue> ResolveByLibbpf(absl::string_view btf,
                                         const core::Program& program,
                                         absl::string_view kernel,
                                         absl::string_view module);

std::string ToText(const OracleValue& value);

}  // namespace btfd::tests

#endif  // BTFD_TESTS_CORE_RESOLUTION_H_
