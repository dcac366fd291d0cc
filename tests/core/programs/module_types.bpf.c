// SPDX-License-Identifier: Apache-2.0
// Types of modules (nf_conntrack, xfs, af_key), and of the kernel in them.
#include "program.h"

/* In vmlinux. */
struct list_head {
  struct list_head *next;
} KERNEL;
struct nf_conn {
  u32 mark;
  unsigned long status;
} KERNEL;
/* In modules alone. */
struct nf_ct_gre_keymap {
  struct list_head list;
} KERNEL;
struct conntrack_gc_work {
  u32 next_bucket;
  bool exiting;
} KERNEL;
struct xfs_inode {
  struct xfs_mount *i_mount;
  u64 i_ino;
} KERNEL;
struct xfs_mount {
  u32 m_sectbb_log;
  s64 m_fdblocks;
} KERNEL;
struct xfs_buf {
  u64 b_rhash_key;
} KERNEL;
struct pfkey_sock {
  int registered;
  struct {
    u8 msg_version;
  } dump;
} KERNEL;
struct netns_pfkey {
  struct {
    void *first;
  } table;
} KERNEL;
enum xfs_dacmp { XFS_CMP_EXACT = 50 };
typedef u64 xfs_ino_t;
typedef int (*xfs_btree_visit_blocks_fn)(void *cursor, int level, void *data);

SEC("kprobe/x")
u64 modules(void *context) {
  struct nf_conn *connection = context;
  struct nf_ct_gre_keymap *keymap = context;
  struct conntrack_gc_work *work = context;
  struct xfs_inode *inode = context;
  struct xfs_buf *buffer = context;
  struct pfkey_sock *socket = context;
  struct netns_pfkey *space = context;
  u64 sum = READ(connection, mark) + READ(connection, status);
  sum += (u64)READ(keymap, list.next) + READ(work, next_bucket);
  if (FIELD_EXISTS(inode->i_ino)) sum += READ(inode, i_ino);
  sum += READ(READ(inode, i_mount), m_sectbb_log) + READ(socket, registered);
  sum += READ(buffer, b_rhash_key) + READ(socket, dump.msg_version);
  sum += (u64)READ(space, table.first) + TYPE_SIZE(struct xfs_mount);
  if (ENUM_EXISTS(enum xfs_dacmp, XFS_CMP_EXACT)) {
    sum += ENUM_VALUE(enum xfs_dacmp, XFS_CMP_EXACT);
  }
  return sum + TYPE_EXISTS(xfs_ino_t) +
         TYPE_ID_KERNEL(struct conntrack_gc_work) +
         TYPE_EXISTS(xfs_btree_visit_blocks_fn);
}

LICENSE
