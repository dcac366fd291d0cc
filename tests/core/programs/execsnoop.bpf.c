// SPDX-License-Identifier: Apache-2.0
// New processes: who starts what, with which arguments.
#include "program.h"

struct mm_struct {
  unsigned long arg_start;
  unsigned long arg_end;
} KERNEL;
struct task_struct {
  int pid;
  int tgid;
  struct task_struct *real_parent;
  struct mm_struct *mm;
  char comm[16];
} KERNEL;
struct linux_binprm {
  const char *filename;
  int argc;
  struct file *file;
} KERNEL;

SEC("raw_tp/sched_process_exec")
u64 on_exec(u64 *context) {
  struct task_struct *task = (void *)context[0];
  struct linux_binprm *binary = (void *)context[2];
  struct mm_struct *mm = READ(task, mm);
  char name[64];
  read_kernel_text(name, sizeof(name), READ(binary, filename));
  return READ(task, pid) + READ(READ(task, real_parent), tgid) +
         READ(mm, arg_end) - READ(mm, arg_start) + READ(binary, argc) + name[0];
}

LICENSE
