// SPDX-License-Identifier: Apache-2.0
//
// A kernel in QEMU, and what it says of modules.
#ifndef BTFD_TESTS_QEMU_GUEST_H_
#define BTFD_TESTS_QEMU_GUEST_H_

#include <map>
#include <string>
#include <vector>

#include "tests/support/testdata.h"

namespace btfd::tests {

struct Guest {
  std::map<std::string, std::string> verdicts;  // name -> "rc=0 btf=yes"
  std::string log;  // what tools/qemu-load prints, and the console
};

// Boots a kernel of the test data and inserts the modules in that order. Fails
// the test where the guest does not come to its end. `environment` is more of
// tools/qemu-load's.
Guest Boot(const Kernel& kernel, const std::string& log,
           const std::vector<std::string>& modules,
           const std::vector<std::string>& environment = {});

}  // namespace btfd::tests

#endif  // BTFD_TESTS_QEMU_GUEST_H_
