// SPDX-License-Identifier: Apache-2.0
//
// Boots a kernel in QEMU, and collects what it says about modules.
#ifndef BTFD_TESTS_QEMU_GUEST_H_
#define BTFD_TESTS_QEMU_GUEST_H_

#include <map>
#include <string>
#include <vector>

#include "tests/support/testdata.h"

namespace btfd::tests {

struct Guest {
  std::map<std::string, std::string> verdicts;  // name -> "rc=0 btf=yes"
  std::string log;  // output of tools/qemu-load, and the console
};

// Boots a kernel of the test data and inserts the modules in that order. The
// test fails if the guest does not end. `environment` is added to that of
// tools/qemu-load.
Guest Boot(const Kernel& kernel, const std::string& log,
           const std::vector<std::string>& modules,
           const std::vector<std::string>& environment = {});

}  // namespace btfd::tests

#endif  // BTFD_TESTS_QEMU_GUEST_H_
