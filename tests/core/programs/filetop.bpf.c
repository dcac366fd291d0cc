// SPDX-License-Identifier: Apache-2.0
// Reads and writes by file.
#include "program.h"

struct super_block {
  u32 s_dev;
  struct file_system_type *s_type;
} KERNEL;
struct file_system_type {
  const char *name;
} KERNEL;
struct inode {
  u16 i_mode;
  u32 i_rdev;
  u64 i_size;
  struct super_block *i_sb;
} KERNEL;
struct file {
  struct inode *f_inode;
  u64 f_pos;
} KERNEL;
struct kiocb {
  struct file *ki_filp;
  s64 ki_pos;
} KERNEL;
struct iov_iter {
  u64 count;
  u8 iter_type;
} KERNEL;

SEC("kprobe/vfs_read")
u64 on_read(struct kiocb *request) {
  struct file *file = READ(request, ki_filp);
  struct inode *inode = READ(file, f_inode);
  struct iov_iter *bytes = (void *)file;
  u64 sum = READ(inode, i_mode) + READ(inode, i_size) + READ(inode, i_rdev);
  sum += READ(READ(inode, i_sb), s_dev) + READ(bytes, count);
  sum += (u64)READ(READ(READ(inode, i_sb), s_type), name);
  return sum + READ(file, f_pos) + READ(request, ki_pos) +
         FIELD_SIZE(bytes->iter_type);
}

LICENSE
