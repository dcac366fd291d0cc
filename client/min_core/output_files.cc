// SPDX-License-Identifier: Apache-2.0
#include "client/min_core/output_files.h"

#include <sys/stat.h>

#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"

namespace btfd::client {

void OutputFiles::Protect(const std::string& input) {
  struct stat status;
  if (stat(input.c_str(), &status) == 0) {
    inputs_.emplace(status.st_dev, status.st_ino);
  }
}

absl::Status OutputFiles::Write(const std::string& path,
                                absl::string_view bytes) const {
  struct stat status;
  if (stat(path.c_str(), &status) == 0 &&
      inputs_.count({status.st_dev, status.st_ino}) > 0) {
    return absl::FailedPreconditionError(absl::StrCat(
        path, ": an input would be replaced; say where to, with -o DIR"));
  }
  const std::filesystem::path directory =
      std::filesystem::path(path).parent_path();
  std::error_code error;
  if (!directory.empty()) {
    std::filesystem::create_directories(directory, error);
  }
  if (error) {
    return absl::ErrnoToStatus(
        error.value(), absl::StrCat(directory.string(), ": ", error.message()));
  }
  return util::WriteOutput(path, bytes, notice_);
}

}  // namespace btfd::client
