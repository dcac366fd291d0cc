// SPDX-License-Identifier: Apache-2.0
//
// Examines a finished module for `btfc doctor`: has it BTF, for which kernels,
// and was it signed before.
#ifndef BTFD_CLIENT_COMMANDS_MODULE_EXAMINATION_H_
#define BTFD_CLIENT_COMMANDS_MODULE_EXAMINATION_H_

#include <string>
#include <vector>

#include "client/commands/build_tree.h"

namespace btfd::client {

struct ModuleExamination {
  std::vector<Finding> findings;
  std::string release;  // for which it was built; empty if it is not in there
};

ModuleExamination ExamineModule(const std::string& path);

}  // namespace btfd::client

#endif  // BTFD_CLIENT_COMMANDS_MODULE_EXAMINATION_H_
