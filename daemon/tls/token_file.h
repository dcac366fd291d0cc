// SPDX-License-Identifier: Apache-2.0
//
// A bearer token in a file, which may be renewed at any time. At most once a
// second TokenFile checks the file, and reads it if it has changed.
#ifndef BTFD_DAEMON_TLS_TOKEN_FILE_H_
#define BTFD_DAEMON_TLS_TOKEN_FILE_H_

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <tuple>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace btfd::daemon::tls {

// Thread-safe.
class TokenFile {
 public:
  explicit TokenFile(std::string path) : path_(std::move(path)) {}

  // Returns the value for "authorization": "Bearer TOKEN". An error if the file
  // cannot be read or is not one line of printable ASCII. The error names the
  // file, and never its content.
  absl::StatusOr<std::string> Authorization();

 private:
  using Version = std::tuple<dev_t, ino_t, off_t, int64_t, int64_t>;

  absl::StatusOr<std::string> Read() const;

  const std::string path_;
  absl::Mutex mutex_;
  absl::Time looked_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  Version version_ ABSL_GUARDED_BY(mutex_);
  absl::StatusOr<std::string> value_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace btfd::daemon::tls

#endif  // BTFD_DAEMON_TLS_TOKEN_FILE_H_
