// SPDX-License-Identifier: Apache-2.0
#include "daemon/tls/token_file.h"

#include <sys/stat.h>

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "lib/util/file.h"
#include "lib/util/status_macros.h"

namespace btfd::daemon::tls {

namespace {
constexpr absl::Duration kLookEvery = absl::Seconds(1);
}

absl::StatusOr<std::string> TokenFile::Authorization() {
  absl::MutexLock lock(&mutex_);
  const absl::Time now = absl::Now();
  if (now - looked_ < kLookEvery) return value_;
  looked_ = now;
  struct stat status;
  if (stat(path_.c_str(), &status) != 0) {
    value_ = util::ErrnoStatus(path_, "cannot look for the token");
    version_ = {};
    return value_;
  }
  const Version version = {
      status.st_dev, status.st_ino, status.st_size,
      absl::ToUnixNanos(absl::TimeFromTimespec(status.st_mtim)),
      absl::ToUnixNanos(absl::TimeFromTimespec(status.st_ctim))};
  if (version == version_ && value_.ok()) return value_;
  version_ = version;
  value_ = Read();
  return value_;
}

absl::StatusOr<std::string> TokenFile::Read() const {
  ASSIGN_OR_RETURN(std::string token, util::ReadFile(path_));
  absl::StripAsciiWhitespace(&token);
  const bool printable = std::all_of(token.begin(), token.end(),
                                     [](char c) { return c > ' ' && c < 127; });
  if (token.empty() || !printable) {
    return absl::InvalidArgumentError(
        absl::StrCat(path_, ": not a token: one line of printable ASCII"));
  }
  return absl::StrCat("Bearer ", token);
}

}  // namespace btfd::daemon::tls
