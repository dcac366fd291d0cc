// SPDX-License-Identifier: Apache-2.0
//
// btfc verify --kernel: all modules of an installed kernel against the kernel
// that will be booted, before it is.
#ifndef BTFD_CLIENT_COMMANDS_VERIFY_KERNEL_H_
#define BTFD_CLIENT_COMMANDS_VERIFY_KERNEL_H_

#include <string>

#include "absl/status/statusor.h"
#include "lib/elf/module_file.h"
#include "proto/btfd_lite.pb.h"

namespace btfd::client {

// A module, compressed or not. Errors as of elf::ReadMaybeCompressed() and
// elf::ModuleFile.
absl::StatusOr<elf::ModuleFile> OpenForVerify(const std::string& path);
// A request that only checks, without its base. Errors as of FillModule().
absl::StatusOr<v1::FinalizeRequest> VerifyRequest(const elf::ModuleFile& file);

// Prints everything, and returns the exit code. `root` stands for /; "" is this
// system. Works in this process, on all cores: whoever installs a kernel is
// root, for whom no daemon shall be started.
int VerifyKernel(const std::string& root, const std::string& release,
                 bool as_json);

}  // namespace btfd::client

#endif  // BTFD_CLIENT_COMMANDS_VERIFY_KERNEL_H_
