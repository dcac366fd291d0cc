// SPDX-License-Identifier: Apache-2.0
#include "client/request/base_file.h"

#include <fcntl.h>

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "lib/util/file.h"
#include "lib/util/status_macros.h"

namespace btfd::client {

namespace {

// The id of the installation, or where there is none (containers) of this
// boot: either way two machines never share one.
std::string MachineId() {
  for (const char* path :
       {"/etc/machine-id", "/proc/sys/kernel/random/boot_id"}) {
    const absl::StatusOr<std::string> text = util::ReadFile(path);
    if (!text.ok()) continue;
    std::string id(absl::StripAsciiWhitespace(*text));
    if (!id.empty()) return id;
  }
  return "";
}

bool SameFile(const struct stat& a, const struct stat& b) {
  const auto same = [](const timespec& x, const timespec& y) {
    return x.tv_sec == y.tv_sec && x.tv_nsec == y.tv_nsec;
  };
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino &&
         a.st_size == b.st_size && same(a.st_mtim, b.st_mtim) &&
         same(a.st_ctim, b.st_ctim);
}

}  // namespace

std::optional<v1::FileKey> FileKeyOf(const struct stat& info, absl::Time now,
                                     absl::string_view machine_id) {
  const absl::Time modified = absl::TimeFromTimespec(info.st_mtim);
  const absl::Time changed = absl::TimeFromTimespec(info.st_ctim);
  if (!S_ISREG(info.st_mode) || machine_id.empty()) return std::nullopt;
  if (now - modified < kSettled || now - changed < kSettled) {
    return std::nullopt;
  }
  v1::FileKey key;
  key.set_machine_id(std::string(machine_id));
  key.set_device(info.st_dev);
  key.set_inode(info.st_ino);
  key.set_size(info.st_size);
  key.set_mtime_ns(absl::ToUnixNanos(modified));
  key.set_ctime_ns(absl::ToUnixNanos(changed));
  return key;
}

absl::StatusOr<BaseFile> BaseFile::Open(const std::string& path) {
  ASSIGN_OR_RETURN(const util::UniqueFd fd, util::OpenFile(path, O_RDONLY));
  struct stat info;
  if (fstat(fd.get(), &info) != 0) {
    return util::ErrnoStatus(path, "cannot stat");
  }
  return BaseFile(path, info);
}

BaseFile::BaseFile(std::string path, const struct stat& info)
    : path_(std::move(path)),
      info_(info),
      key_(FileKeyOf(info, absl::Now(), MachineId())) {}

absl::Status BaseFile::Fill(v1::BaseRef* ref) {
  ref->Clear();
  if (!key_.has_value() || digest_.has_value()) {
    ASSIGN_OR_RETURN(const util::Digest known, digest());
    ref->set_digest(std::string(known.binary()));
  }
  if (key_.has_value()) *ref->mutable_file_key() = *key_;
  return absl::OkStatus();
}

absl::StatusOr<absl::string_view> BaseFile::bytes() {
  if (!source_.has_value()) {
    ASSIGN_OR_RETURN(elf::BtfSource source, elf::ReadBtfSource(path_));
    source_ = std::move(source);
  }
  return source_->btf;
}

absl::StatusOr<util::Digest> BaseFile::digest() {
  if (!digest_.has_value()) {
    ASSIGN_OR_RETURN(const absl::string_view content, bytes());
    digest_ = util::Digest::Of(content);
    struct stat now;
    if (stat(path_.c_str(), &now) != 0 || !SameFile(info_, now)) key_.reset();
  }
  return *digest_;
}

}  // namespace btfd::client
