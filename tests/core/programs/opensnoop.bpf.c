// SPDX-License-Identifier: Apache-2.0
// Files that are opened.
#include "program.h"

struct qstr {
  u32 len;
  const unsigned char *name;
} KERNEL;
struct dentry {
  struct dentry *d_parent;
  struct qstr d_name;
  struct inode *d_inode;
} KERNEL;
struct vfsmount {
  struct dentry *mnt_root;
} KERNEL;
struct path {
  struct vfsmount *mnt;
  struct dentry *dentry;
} KERNEL;
struct inode {
  unsigned long i_ino;
  u16 i_mode;
} KERNEL;
struct file {
  struct path f_path;
  unsigned int f_flags;
  u32 f_mode;
} KERNEL;
struct open_how {
  u64 flags;
  u64 mode;
} KERNEL;

SEC("kprobe/do_filp_open")
u64 on_open(struct file *file) {
  struct dentry *entry = READ(file, f_path.dentry);
  struct open_how *how = (void *)file;
  char name[64];
  read_kernel_text(name, sizeof(name), READ(entry, d_name.name));
  return READ(file, f_flags) + READ(READ(entry, d_inode), i_ino) +
         (u64)READ(READ(file, f_path.mnt), mnt_root) + name[0] +
         TYPE_SIZE(struct open_how) + READ(how, mode);
}

LICENSE
