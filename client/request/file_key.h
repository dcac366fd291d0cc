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
//   boot id         the kernel's numbers below count from its start; two
//                   machines never share one
//   mount           the number of the mount, never used again (statx(2),
//                   STATX_MNT_ID_UNIQUE, Linux 6.8): what is mounted at the
//                   same place afterwards is another file
//   file system     type and id (statfs(2)), device and inode: which file
//   size, mtime, ctime   which state of it; the kernel sets ctime with each
//                   change and nobody else can
//   notes           of a vmlinux, its build id among them
//   sample          pieces of the BTF itself (lib/util/content_sample.h); the
//                   daemon takes a key for a base only if they agree
//
// What tells files apart in each case. "No key" means that the content is
// hashed (2 to 3 ms for 5 MB):
//   images (squashfs, erofs, ISO, cramfs, romfs)   by the mount: their times
//                   are their maker's, their device numbers are used again at
//                   once. No key before Linux 6.8.
//   ext4 and other images that may be written to   by the mount. Before 6.8 a
//                   ctime of whole seconds was not set by a kernel, and there
//                   is no key; an image with invented fractions of seconds,
//                   mounted again, is told by the sample alone.
//   overlayfs       by the mount, and the lower file's own ctime, which shows
//                   through, also where a lower layer is changed under the
//                   mount. What is below may be anything: no key where that
//                   ctime is of whole seconds.
//   NFS, SMB, 9p, FUSE, virtiofs, vboxsf and all others that are not in the
//                   table of file_key.cc: their times may be cached, coarse,
//                   another clock's, or invented. No key.
//   FAT, exFAT, NTFS, HFS+, UDF   they have no ctime, or one of seconds: as
//                   others that are not in the table, no key.
//   restored backups (cp -a, rsync -t, tar -p)   by inode and ctime: neither
//                   can be restored.
//   clones of a virtual machine   by the boot id. Those that go on from one
//                   state of memory share it, and all else; each has a store
//                   and a daemon of its own, unless the store is on a shared
//                   network file system. Then: by ctime, as far as they do not
//                   change the same file within one tick of their clocks.
//   a file that just changed   may change again within a tick of its clock:
//                   no key for two seconds (kSettled).
//   a file that somebody has mapped to write to   has its times changed by the
//                   first write to a page alone: on tmpfs for as long as the
//                   mapping is there, elsewhere until the page went to the
//                   disk. No key while anybody has the file open for writing,
//                   which a mapping does as well; later mappings write for a
//                   first time. The kernel tells us that of our own files
//                   (fcntl(2), F_SETLEASE), root of all, and nobody below
//                   overlayfs: there the sample alone decides.
//   below the file system (dmsetup, losetup -c, dd to a mounted device)   by
//                   the sample alone, as far as the kernel reads it again.
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
