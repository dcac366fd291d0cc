// SPDX-License-Identifier: Apache-2.0
#ifndef BTFD_CLIENT_DKMS_DIRECTORY_H_
#define BTFD_CLIENT_DKMS_DIRECTORY_H_

#include <string>
#include <vector>

namespace btfd::client {

// The names in a directory, sorted; none if it cannot be read.
std::vector<std::string> ListDirectory(const std::string& path);

}  // namespace btfd::client

#endif  // BTFD_CLIENT_DKMS_DIRECTORY_H_
