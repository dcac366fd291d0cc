// SPDX-License-Identifier: Apache-2.0
//
// The base as the client knows it: a file. On the hot path it is only looked at
// from outside (stat), and named by a file key; it is read and hashed when the
// daemon does not know that key, and sent when it does not know the digest.
#ifndef BTFD_CLIENT_REQUEST_BASE_FILE_H_
#define BTFD_CLIENT_REQUEST_BASE_FILE_H_

#include <sys/stat.h>

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "lib/elf/module_file.h"
#include "lib/util/digest.h"
#include "proto/btfd_lite.pb.h"

namespace btfd::client {

// A file that changed this recently has no key: it may change again within the
// granularity of its times.
inline constexpr absl::Duration kSettled = absl::Seconds(2);

// Nothing for what is no regular file, has changed within kSettled of `now`,
// or claims to change in the future; nothing without a machine id.
std::optional<v1::FileKey> FileKeyOf(const struct stat& info, absl::Time now,
                                     absl::string_view machine_id);

// Not thread-safe.
class BaseFile {
 public:
  // Errors: what open(2) says.
  static absl::StatusOr<BaseFile> Open(const std::string& path);

  const std::string& path() const { return path_; }
  const std::optional<v1::FileKey>& key() const { return key_; }

  // What a request says of it: the key, and the digest where that was needed
  // before or there is no key. Errors as of bytes().
  absl::Status Fill(v1::BaseRef* ref);

  // The raw .BTF and its digest. InvalidArgument or NotFound, with the path,
  // where there is none. If the file turns out to have changed since Open(),
  // key() is gone afterwards.
  absl::StatusOr<absl::string_view> bytes();
  absl::StatusOr<util::Digest> digest();

 private:
  BaseFile(std::string path, const struct stat& info);

  std::string path_;
  struct stat info_;
  std::optional<v1::FileKey> key_;
  std::optional<elf::BtfSource> source_;
  std::optional<util::Digest> digest_;
};

}  // namespace btfd::client

#endif  // BTFD_CLIENT_REQUEST_BASE_FILE_H_
