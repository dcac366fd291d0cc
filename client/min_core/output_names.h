// SPDX-License-Identifier: Apache-2.0
//
// Names of outputs, made of those of inputs: "kernels/6.12/vmlinux.btf.xz" is
// "vmlinux", and "6.12/vmlinux" if another input is a vmlinux as well.
#ifndef BTFD_CLIENT_MIN_CORE_OUTPUT_NAMES_H_
#define BTFD_CLIENT_MIN_CORE_OUTPUT_NAMES_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace btfd::client {

// One name for each path, in their order, without the endings .btf, .ko, .bpf.o
// and those of compressed files. They are as short as is possible with all of
// them being different and of one depth; none leads out of a directory.
// InvalidArgument, if a path is given twice.
absl::StatusOr<std::vector<std::string>> OutputNames(
    const std::vector<std::string>& paths);

}  // namespace btfd::client

#endif  // BTFD_CLIENT_MIN_CORE_OUTPUT_NAMES_H_
