// SPDX-License-Identifier: Apache-2.0
//
// A file key stands for the content of a base file, so that nobody has to read
// the file: the daemon knows which digest the file with that key had. A wrong
// match would be the worst fault of all, because modules would be finalized
// against the types of another kernel without any message. So a key contains
// all that the kernel says about the file, and also evidence of its content.
// Where both together cannot tell one content from another, no key is made.
//
// The parts of a key, and what each is for:
//   boot id        The numbers below count from the start of the kernel. Two
//                  machines never have the same boot id.
//   mount          The number of the mount, which is never used again
//                  (statx(2), STATX_MNT_ID_UNIQUE, Linux 6.8). What is mounted
//                  later at the same place is another file.
//   file system    Type and id (statfs(2)), device and inode: which file.
//   size, mtime, ctime
//                  Which state of the file. The kernel sets ctime at each
//                  change, and nobody else can set it.
//   notes          Those of a vmlinux; its build id is one of them.
//   sample         Pieces of the BTF itself (lib/util/content_sample.h). The
//                  daemon binds a key to a base only if their samples agree.
//
// What tells files apart in each case. "No key" means that the content is
// hashed (2 to 3 ms for 5 MB):
//   images (squashfs, erofs, ISO, cramfs, romfs)
//                  The mount. The maker of the image chose its times, and
//                  device numbers are used again at once. No key before Linux
//                  6.8.
//   ext4 and other images that may be written to
//                  The mount. Before Linux 6.8: a ctime of whole seconds was
//                  not set by a kernel, so there is no key. If somebody
//                  invented fractions of seconds and mounts the image again,
//                  only the sample tells.
//   overlayfs      The mount, and the ctime of the lower file. overlayfs shows
//                  that ctime even if a lower layer changes while it is
//                  mounted. The lower file system may be of any kind: no key if
//                  its ctime is of whole seconds.
//   NFS, SMB, 9p, FUSE, virtiofs, vboxsf, all that file_key.cc does not list
//                  No key: their times may be cached, coarse, from another
//                  clock, or invented.
//   FAT, exFAT, NTFS, HFS+, UDF
//                  No key, as file_key.cc does not list them: they have no
//                  ctime, or one of whole seconds.
//   restored backups (cp -a, rsync -t, tar -p)
//                  Inode and ctime, neither of which can be restored.
//   clones of a virtual machine
//                  The boot id. Clones of a running machine have the same boot
//                  id and all else the same, but each has its own store and
//                  daemon. If the store is on a network file system that they
//                  share, ctime tells, unless two clones change the same file
//                  within one tick of their clocks.
//   a file that has just changed
//                  No key for two seconds (kSettled): it may change again
//                  within one tick of its clock.
//   a file that is mapped for writing
//                  Only the first write to a page changes the file's times: on
//                  tmpfs for as long as the mapping exists, elsewhere until the
//                  page is written to the disk. So there is no key while
//                  anybody has the file open for writing, as a mapping does; a
//                  later mapping begins with a first write. The kernel tells us
//                  whether that is so for our own files (fcntl(2), F_SETLEASE),
//                  tells root for all files, and tells nobody for files below
//                  overlayfs: there only the sample tells.
//   changes below the file system (dmsetup, losetup -c, dd to a mounted device)
//                  The sample alone, if the kernel reads the changed part
//                  again.
//
// Where only the sample can tell, a change between its pieces is not noticed.
// BTFD_BASE_CHECK=content makes no keys, so that each base is hashed.
#ifndef BTFD_CLIENT_REQUEST_FILE_KEY_H_
#define BTFD_CLIENT_REQUEST_FILE_KEY_H_

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "proto/btfd_lite.pb.h"

namespace btfd::client {

// A file that has changed within this time has no key: it may change again
// before its times do.
inline constexpr absl::Duration kSettled = absl::Seconds(2);

// What the kernel says about an open file, without its content.
struct FileState {
  mode_t mode = 0;
  uint64_t device = 0;
  uint64_t inode = 0;
  uint64_t size = 0;
  absl::Time modified;
  absl::Time changed;
  std::optional<uint64_t> mount;    // nothing: the kernel does not say it
  uint32_t file_system_type = 0;    // f_type of statfs(2)
  uint64_t file_system_id = 0;      // f_fsid
  bool may_be_written_now = false;  // somebody has it open for writing

  bool operator==(const FileState& other) const;
};

// If the kernel does not say everything, or is not allowed to (seccomp), the
// returned state does not tell contents apart.
FileState StateOf(int fd);

// True if the state can tell this content from a later one, at `now`.
bool TellsContentsApart(const FileState& state, absl::Time now);

// The id of this boot; empty if /proc is not mounted.
std::string BootId();

// The key of a file that is open for reading, made of its state and a sample of
// its content. Nothing if these cannot tell contents apart, or if there is no
// boot id.
std::optional<v1::FileKey> FileKeyOf(int fd, const FileState& state,
                                     absl::Time now, absl::string_view boot_id);

}  // namespace btfd::client

#endif  // BTFD_CLIENT_REQUEST_FILE_KEY_H_
