// SPDX-License-Identifier: Apache-2.0
//
// BaseFile: a base as a file of the client. Usually the client only reads a
// small sample of it and names the base by a file key
// (client/request/file_key.h). It reads and hashes the whole file if the daemon
// does not know that key, and sends it if the daemon does not know the digest.
//
// The file is opened once, so key, digest and bytes belong to the same file
// even if its path leads to another one later. But the content of a file may be
// overwritten. So once digest() has returned, its value stays, and bytes()
// returns the bytes of that digest or an error.
#ifndef BTFD_CLIENT_REQUEST_BASE_FILE_H_
#define BTFD_CLIENT_REQUEST_BASE_FILE_H_

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client/cli/environment.h"
#include "client/request/file_key.h"
#include "lib/elf/module_file.h"
#include "lib/util/digest.h"
#include "lib/util/file.h"
#include "proto/btfd_lite.pb.h"

namespace btfd::client {

// Not thread-safe.
class BaseFile {
 public:
  // How a file is read whose BTF is not plain to see.
  using Reader = absl::StatusOr<elf::BtfSource> (*)(int fd,
                                                    const std::string& path);

  // Errors are those of open(2). With elf::ReadAnyBtf (lib/elf/any_btf.h) as
  // `reader` it may be a boot image or a compressed file as well. Those have no
  // key: each process unpacks them. (It is not the default, so that it is
  // not linked into what does as upstream's tools do.)
  static absl::StatusOr<BaseFile> Open(const std::string& path, BaseCheck check,
                                       Reader reader = &elf::ReadBtfSource);

  const std::string& path() const { return path_; }
  const std::optional<v1::FileKey>& key() const { return key_; }

  // Fills in how a request names the base: the key, and also the digest if it
  // was needed before or if there is no key. Errors as of digest().
  absl::Status Fill(v1::BaseRef* ref);

  // The digest of the raw .BTF. InvalidArgument or NotFound, with the path, if
  // there is no BTF. If the file has changed since Open(), key() is removed.
  absl::StatusOr<util::Digest> digest();
  // The raw .BTF. It is a copy, which does not change. Errors as of digest();
  // FailedPrecondition if digest() was called before and the file was
  // overwritten since. A caller that needs the same base for many modules calls
  // this first.
  absl::StatusOr<absl::string_view> bytes();

 private:
  BaseFile(std::string path, util::UniqueFd fd, const FileState& state,
           std::optional<v1::FileKey> key, Reader reader);
  void CheckKey();

  std::string path_;
  util::UniqueFd fd_;
  FileState state_;
  Reader reader_;
  std::optional<v1::FileKey> key_;
  std::optional<std::string> bytes_;
  std::optional<util::Digest> digest_;
};

}  // namespace btfd::client

#endif  // BTFD_CLIENT_REQUEST_BASE_FILE_H_
