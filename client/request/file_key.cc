// SPDX-License-Identifier: Apache-2.0
#include "client/request/file_key.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "absl/strings/ascii.h"
#include "lib/elf/btf_place.h"
#include "lib/util/content_sample.h"
#include "lib/util/file.h"

namespace btfd::client {

namespace {

// STATX_MNT_ID_UNIQUE of linux/stat.h; Debian 12's headers are older. The
// number has the place of STATX_MNT_ID's number, which can be used again.
constexpr unsigned kUniqueMountId = 0x4000;

// How far the ctime of a file system can be trusted.
enum class Times {
  // A kernel's clock sets it at each change, with fractions of a second.
  kKernels,
  // The maker of the image chose it, and nothing ever changes.
  kImages,
  // It belongs to a file system below, which may be any.
  kBelow,
  // It may be anything, but the BTF of the running kernel does not change.
  kOfBoot,
};

// From linux/magic.h, statfs(2) and the file systems' own headers.
constexpr struct {
  uint32_t type;
  Times times;
} kFileSystems[] = {
    {0x0000ef53, Times::kKernels},  // ext2, ext3, ext4
    {0x58465342, Times::kKernels},  // XFS
    {0x9123683e, Times::kKernels},  // Btrfs
    {0xf2f52010, Times::kKernels},  // F2FS
    {0x2fc12fc1, Times::kKernels},  // ZFS
    {0xca451a4e, Times::kKernels},  // bcachefs
    {0x01021994, Times::kKernels},  // tmpfs
    {0x73717368, Times::kImages},   // squashfs
    {0xe0f5e1e2, Times::kImages},   // erofs
    {0x00009660, Times::kImages},   // ISO 9660
    {0x28cd3d45, Times::kImages},   // cramfs
    {0x00007275, Times::kImages},   // romfs
    {0x794c7630, Times::kBelow},    // overlayfs
    {0x62656572, Times::kOfBoot},   // sysfs: /sys/kernel/btf/vmlinux
};

std::optional<Times> TimesOf(uint32_t type) {
  for (const auto& known : kFileSystems) {
    if (known.type == type) return known.times;
  }
  return std::nullopt;
}

// Such a ctime was invented, or the file system has no finer one.
bool IsOfWholeSeconds(absl::Time time) {
  return absl::ToUnixNanos(time) % 1'000'000'000 == 0;
}

// The kernel gives a read lease only on a file that nobody has open for
// writing; a shared writable mapping keeps the file open. A process that opens
// the file for writing while we have the lease waits for us, and we get a
// signal. We choose one that is ignored, because SIGIO would end this process.
bool SomebodyMayWrite(int fd) {
  if (fcntl(fd, F_SETSIG, SIGURG) != 0) return false;
  if (fcntl(fd, F_SETLEASE, F_RDLCK) != 0) return errno == EAGAIN;
  fcntl(fd, F_SETLEASE, F_UNLCK);
  return false;
}

absl::Time TimeOf(const statx_timestamp& time) {
  return absl::FromUnixSeconds(time.tv_sec) + absl::Nanoseconds(time.tv_nsec);
}

}  // namespace

bool FileState::operator==(const FileState& other) const {
  return mode == other.mode && device == other.device && inode == other.inode &&
         size == other.size && modified == other.modified &&
         changed == other.changed && mount == other.mount &&
         file_system_type == other.file_system_type &&
         file_system_id == other.file_system_id &&
         may_be_written_now == other.may_be_written_now;
}

FileState StateOf(int fd) {
  FileState state;
  struct statx info {};
  struct statfs system {};
  if (statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | kUniqueMountId, &info) !=
          0 ||
      fstatfs(fd, &system) != 0) {
    struct stat plain {};
    if (fstat(fd, &plain) == 0) state.mode = plain.st_mode;
    return state;
  }
  state.mode = info.stx_mode;
  state.device = makedev(info.stx_dev_major, info.stx_dev_minor);
  state.inode = info.stx_ino;
  state.size = info.stx_size;
  state.modified = TimeOf(info.stx_mtime);
  state.changed = TimeOf(info.stx_ctime);
  if ((info.stx_mask & kUniqueMountId) != 0) state.mount = info.stx_mnt_id;
  state.file_system_type = static_cast<uint32_t>(system.f_type);
  static_assert(sizeof(system.f_fsid) == sizeof(state.file_system_id));
  memcpy(&state.file_system_id, &system.f_fsid, sizeof(system.f_fsid));
  state.may_be_written_now =
      S_ISREG(state.mode) &&
      TimesOf(state.file_system_type) == Times::kKernels &&
      SomebodyMayWrite(fd);
  return state;
}

bool TellsContentsApart(const FileState& state, absl::Time now) {
  if (!S_ISREG(state.mode) || state.may_be_written_now) return false;
  const std::optional<Times> times = TimesOf(state.file_system_type);
  if (!times.has_value()) return false;
  const bool settled =
      now - state.modified >= kSettled && now - state.changed >= kSettled;
  switch (*times) {
    case Times::kKernels:
      return settled &&
             (state.mount.has_value() || !IsOfWholeSeconds(state.changed));
    case Times::kImages:
      return state.mount.has_value();
    case Times::kBelow:
      return settled && state.mount.has_value() &&
             !IsOfWholeSeconds(state.changed);
    case Times::kOfBoot:
      return true;
  }
  return false;
}

std::string BootId() {
  const auto fd = util::OpenFile("/proc/sys/kernel/random/boot_id", O_RDONLY);
  char id[64];
  const ssize_t size = fd.ok() ? read(fd->get(), id, sizeof(id)) : 0;
  if (size <= 0) return "";
  return std::string(
      absl::StripAsciiWhitespace({id, static_cast<size_t>(size)}));
}

std::optional<v1::FileKey> FileKeyOf(int fd, const FileState& state,
                                     absl::Time now,
                                     absl::string_view boot_id) {
  if (boot_id.empty() || !TellsContentsApart(state, now)) return std::nullopt;
  const auto place = elf::FindBtfPlace(fd, state.size);
  if (!place.has_value()) return std::nullopt;
  const auto sample = util::SampleOfFile(fd, place->offset, place->size);
  if (!sample.has_value()) return std::nullopt;
  v1::FileKey key;
  key.set_boot_id(std::string(boot_id));
  key.set_mount(state.mount.value_or(0));
  key.set_file_system_type(state.file_system_type);
  key.set_file_system_id(state.file_system_id);
  key.set_device(state.device);
  key.set_inode(state.inode);
  key.set_size(state.size);
  key.set_mtime_ns(absl::ToUnixNanos(state.modified));
  key.set_ctime_ns(absl::ToUnixNanos(state.changed));
  key.set_notes(util::SampleOf(place->notes));
  key.set_sample(*sample);
  return key;
}

}  // namespace btfd::client
