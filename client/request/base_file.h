// SPDX-License-Identifier: Apache-2.0
//
// The base as the client knows it: a file. On the hot path it is only glanced
// at, and named by a file key (client/request/file_key.h); it is read and
// hashed when the daemon does not know that key, and sent when it does not know
// the digest.
//
// It is opened once: key, digest and bytes are of one file, whatever its path
// leads to meanwhile. That leaves a file whose content is written over: what
// digest() said once holds, and bytes() are of that digest or an error.
#ifndef BTFD_CLIENT_REQUEST_BASE_FILE_H_
#define BTFD_CLIENT_REQUEST_BASE_FILE_H_

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client/cli/environment.h"
#include "client/request/file_key.h"
#include "lib/util/digest.h"
#include "lib/util/file.h"
#include "proto/btfd_lite.pb.h"

namespace btfd::client {

// Not thread-safe.
class BaseFile {
 public:
  // Errors: what open(2) says.
  static absl::StatusOr<BaseFile> Open(const std::string& path,
                                       BaseCheck check);

  const std::string& path() const { return path_; }
  const std::optional<v1::FileKey>& key() const { return key_; }

  // What a request says of it: the key, and the digest where that was needed
  // before or there is no key. Errors as of digest().
  absl::Status Fill(v1::BaseRef* ref);

  // Of the raw .BTF. InvalidArgument or NotFound, with the path, where there is
  // none. If the file turns out to have changed since Open(), key() is gone
  // afterwards.
  absl::StatusOr<util::Digest> digest();
  // The raw .BTF itself: a copy, which stays what it is. Errors as of digest(),
  // and FailedPrecondition if that was asked for before and the file was
  // written over since. Whoever wants one base for many modules calls it first.
  absl::StatusOr<absl::string_view> bytes();

 private:
  BaseFile(std::string path, util::UniqueFd fd, const FileState& state,
           std::optional<v1::FileKey> key);
  void CheckKey();

  std::string path_;
  util::UniqueFd fd_;
  FileState state_;
  std::optional<v1::FileKey> key_;
  std::optional<std::string> bytes_;
  std::optional<util::Digest> digest_;
};

}  // namespace btfd::client

#endif  // BTFD_CLIENT_REQUEST_BASE_FILE_H_
