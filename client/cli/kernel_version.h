// SPDX-License-Identifier: Apache-2.0
#ifndef BTFD_CLIENT_CLI_KERNEL_VERSION_H_
#define BTFD_CLIENT_CLI_KERNEL_VERSION_H_

#include <optional>

#include "absl/strings/string_view.h"

namespace btfd::client {

struct KernelVersion {
  int major = 0, minor = 0;
};

// Parses the beginning of a kernel version, such as "6.12.30" or "7.2-rc3+".
std::optional<KernelVersion> ParseKernelVersion(absl::string_view text);

}  // namespace btfd::client

#endif  // BTFD_CLIENT_CLI_KERNEL_VERSION_H_
