// SPDX-License-Identifier: Apache-2.0
//
// A kernel as packages install it: which files of a system are its boot image,
// its configuration and its modules.
#ifndef BTFD_CLIENT_KERNEL_INSTALLED_KERNEL_H_
#define BTFD_CLIENT_KERNEL_INSTALLED_KERNEL_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace btfd::client {

struct InstalledKernel {
  std::string release;
  std::string directory;  // its /lib/modules/RELEASE
  // All files in it that are modules, compressed or not, sorted: those of the
  // kernel, and those that DKMS and others added (updates/, extra/, links in
  // weak-updates/).
  std::vector<std::string> modules;
  // The files that exist of those that may hold its BTF. The first is what will
  // be booted; a vmlinux in the build directory, which anybody may have put
  // there, comes late, and what the running kernel shows last.
  std::vector<std::string> images;
  // What its configuration says; nothing where there is no configuration.
  // Whether it has BTF, and whether it loads a module whose BTF it refuses
  // (without the BTF).
  std::optional<bool> has_btf;
  std::optional<bool> loads_refused;
};

// Looks at the system below `root`; "" is this one. `running` is the release
// of the running kernel. NotFound, with those that are there, where there is no
// directory of that kernel's modules.
absl::StatusOr<InstalledKernel> FindInstalledKernel(const std::string& root,
                                                    const std::string& release,
                                                    const std::string& running);

// NotFound: nothing of the kernel's images has BTF; `why` says of each what it
// has instead.
absl::Status NoImageWithBtf(const InstalledKernel& kernel,
                            const std::vector<std::string>& why);

// The release of the running kernel; empty if the system does not say it.
std::string RunningRelease();

// "xfs" for "/a/b/xfs.ko.zst", or what is no module's name: nothing.
std::optional<std::string> ModuleNameOf(const std::string& path);

}  // namespace btfd::client

#endif  // BTFD_CLIENT_KERNEL_INSTALLED_KERNEL_H_
