// SPDX-License-Identifier: Apache-2.0
//
// A bearer token that lives in a file and may be renewed there at any time:
// the file is looked at again at most once a second, and read when it changed.
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

  // What "authorization" is to say: "Bearer TOKEN". An error if the file
  // cannot be read, or does not hold one line of printable ASCII; it names the
  // file, never what is in it.
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
