// SPDX-License-Identifier: Apache-2.0
//
// Which package brought a module: dpkg's lists and DKMS's tree are read
// directly; rpm is asked where there is no dpkg.
#ifndef BTFD_CLIENT_KERNEL_MODULE_OWNER_H_
#define BTFD_CLIENT_KERNEL_MODULE_OWNER_H_

#include <map>
#include <string>
#include <vector>

namespace btfd::client {

// For each of `modules`, files below `root` of kernel `release`, who brought
// it, in words: "package linux-image-6.12.30", "DKMS v4l2loopback 0.15.0 of
// package v4l2loopback-dkms", or "no package". Modules of which DKMS made one
// of that name for this kernel, and that no package has, are DKMS's.
std::map<std::string, std::string> OwnersOf(
    const std::string& root, const std::string& release,
    const std::vector<std::string>& modules);

}  // namespace btfd::client

#endif  // BTFD_CLIENT_KERNEL_MODULE_OWNER_H_
