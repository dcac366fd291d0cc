// SPDX-License-Identifier: Apache-2.0
#include "client/dkms/directory.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

namespace btfd::client {

std::vector<std::string> ListDirectory(const std::string& path) {
  std::vector<std::string> names;
  std::error_code error;
  std::filesystem::directory_iterator at(path, error);
  // A failed increment() makes `at` the end.
  for (; !error && at != std::filesystem::directory_iterator();
       at.increment(error)) {
    names.push_back(at->path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace btfd::client
