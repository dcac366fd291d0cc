// SPDX-License-Identifier: Apache-2.0
//
// Files that are written, and the inputs that they may not replace.
#ifndef BTFD_CLIENT_MIN_CORE_OUTPUT_FILES_H_
#define BTFD_CLIENT_MIN_CORE_OUTPUT_FILES_H_

#include <sys/types.h>

#include <set>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "lib/util/write_output.h"

namespace btfd::client {

// Once all inputs are named, const members are thread-safe if `notice` is.
class OutputFiles {
 public:
  // `notice` may be null; see util::WriteOutput().
  explicit OutputFiles(util::Notice notice) : notice_(std::move(notice)) {}

  // A path that cannot be looked at protects nothing.
  void Protect(const std::string& input);
  // Makes the directory if need be. FailedPrecondition where the file is an
  // input; else as of util::WriteOutput().
  absl::Status Write(const std::string& path, absl::string_view bytes) const;

 private:
  const util::Notice notice_;
  std::set<std::pair<dev_t, ino_t>> inputs_;
};

}  // namespace btfd::client

#endif  // BTFD_CLIENT_MIN_CORE_OUTPUT_FILES_H_
