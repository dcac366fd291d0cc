// SPDX-License-Identifier: Apache-2.0
#include "program.h"

struct task_struct {
  char comm[16];
  u32 flags;
  u64 start_time;
} KERNEL;

struct file {
  u64 f_pos;
} KERNEL;

SEC("kprobe/x")
u64 sizes(struct task_struct *task) {
  struct file *file = (void *)task;
  return FIELD_SIZE(task->comm) + FIELD_SIZE(task->comm[2]) +
         FIELD_SIZE(task->start_time) + FIELD_SIZE(file->f_pos);
}

LICENSE
