// SPDX-License-Identifier: Apache-2.0
#include "client/request/base_file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "lib/elf/btf_place.h"
#include "lib/elf/module_file.h"
#include "lib/util/content_sample.h"
#include "lib/util/file.h"
#include "lib/util/regular_file.h"
#include "lib/util/status_macros.h"

namespace btfd::client {

namespace {

// The bytes that are hashed at a time, so that they are still in the
// processor's cache.
constexpr size_t kPiece = size_t{64} << 10;

// Passes the raw .BTF to `take` in pieces. A raw BTF file is read and not
// mapped, so that we are not killed if somebody truncates it meanwhile.
absl::Status ReadBtf(int fd, const std::string& path, BaseFile::Reader reader,
                     absl::FunctionRef<void(absl::string_view)> take) {
  struct stat info;
  if (fstat(fd, &info) != 0) return util::ErrnoStatus(path, "cannot stat");
  const auto place = elf::FindBtfPlace(fd, info.st_size);
  std::string piece(kPiece, '\0');
  uint64_t done = 0;
  while (place.has_value() && done < place->size) {
    const size_t size = std::min<uint64_t>(kPiece, place->size - done);
    if (!util::ReadAt(fd, place->offset + done, piece.data(), size)) {
      return absl::FailedPreconditionError(
          absl::StrCat(path, ": became shorter while it was read"));
    }
    // The error is reported below.
    if (done == 0 && !elf::HasBtfMagic({piece.data(), size})) break;
    take({piece.data(), size});
    done += size;
  }
  if (done > 0) return absl::OkStatus();
  ASSIGN_OR_RETURN(const elf::BtfSource source, reader(fd, path));
  take(source.btf);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<BaseFile> BaseFile::Open(const std::string& path,
                                        BaseCheck check, Reader reader) {
  ASSIGN_OR_RETURN(util::UniqueFd fd,
                   util::OpenFile(path, O_RDONLY | O_NONBLOCK));
  RETURN_IF_ERROR(util::CheckRegularFd(fd.get(), path));
  const FileState state = StateOf(fd.get());
  std::optional<v1::FileKey> key;
  if (check == BaseCheck::kKey) {
    key = FileKeyOf(fd.get(), state, absl::Now(), BootId());
  }
  return BaseFile(path, std::move(fd), state, std::move(key), reader);
}

BaseFile::BaseFile(std::string path, util::UniqueFd fd, const FileState& state,
                   std::optional<v1::FileKey> key, Reader reader)
    : path_(std::move(path)),
      fd_(std::move(fd)),
      state_(state),
      reader_(reader),
      key_(std::move(key)) {}

absl::Status BaseFile::Fill(v1::BaseRef* ref) {
  ref->Clear();
  if (!key_.has_value() || digest_.has_value()) {
    ASSIGN_OR_RETURN(const util::Digest known, digest());
    ref->set_digest(std::string(known.binary()));
  }
  if (key_.has_value()) *ref->mutable_file_key() = *key_;
  return absl::OkStatus();
}

absl::StatusOr<util::Digest> BaseFile::digest() {
  if (digest_.has_value()) return *digest_;
  // What can be read only once (a pipe), or takes long, is kept in memory.
  if (!S_ISREG(state_.mode) ||
      !elf::FindBtfPlace(fd_.get(), state_.size).has_value()) {
    RETURN_IF_ERROR(bytes().status());
  }
  if (digest_.has_value()) return *digest_;
  util::DigestBuilder digest;
  RETURN_IF_ERROR(
      ReadBtf(fd_.get(), path_, reader_,
              [&](absl::string_view piece) { digest.AddChunk(piece); }));
  digest_ = digest.Finish();
  CheckKey();
  return *digest_;
}

// The key is older than the bytes, so they must be what it names.
void BaseFile::CheckKey() {
  if (!key_.has_value()) return;
  const auto place = elf::FindBtfPlace(fd_.get(), state_.size);
  if (!(StateOf(fd_.get()) == state_) || !place.has_value() ||
      util::SampleOfFile(fd_.get(), place->offset, place->size) !=
          key_->sample()) {
    key_.reset();
  }
}

absl::StatusOr<absl::string_view> BaseFile::bytes() {
  if (bytes_.has_value()) return *bytes_;
  std::string bytes;
  RETURN_IF_ERROR(
      ReadBtf(fd_.get(), path_, reader_, [&](absl::string_view piece) {
        bytes.append(piece.data(), piece.size());
      }));
  const util::Digest seen = util::Digest::Of(bytes);
  if (digest_.has_value() && seen != *digest_) {
    return absl::FailedPreconditionError(
        absl::StrCat(path_, ": was written over while it was in use"));
  }
  bytes_ = std::move(bytes);
  if (!digest_.has_value()) {
    digest_ = seen;
    CheckKey();
  }
  return *bytes_;
}

}  // namespace btfd::client
