// SPDX-License-Identifier: Apache-2.0
// Mounts, and the namespaces in which they happen.
#include "program.h"

struct ns_common {
  u32 inum;
} KERNEL;
struct mnt_namespace {
  struct ns_common ns;
} KERNEL;
struct uts_namespace {
  struct ns_common ns;
} KERNEL;
struct nsproxy {
  struct uts_namespace *uts_ns;
  struct mnt_namespace *mnt_ns;
} KERNEL;
struct task_struct {
  struct nsproxy *nsproxy;
  char comm[16];
} KERNEL;
struct mount {
  struct mount *mnt_parent;
  int mnt_id;
} KERNEL;

SEC("kprobe/do_mount")
u64 on_mount(struct mount *mount) {
  struct task_struct *task = (void *)current_task();
  struct nsproxy *spaces = READ(task, nsproxy);
  return READ(READ(spaces, mnt_ns), ns.inum) +
         READ(READ(spaces, uts_ns), ns.inum) + READ(mount, mnt_id) +
         (u64)READ(mount, mnt_parent) + READ(task, comm[0]);
}

LICENSE
