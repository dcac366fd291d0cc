// SPDX-License-Identifier: Apache-2.0
// Members that all kernels have, some have, and none has; a struct that none
// has; a member of another type than the kernel's.
#include "program.h"

struct task_struct {
  u32 __state;
  int pid;
  int no_such_member;
} KERNEL;

struct task_struct___before_5_14 {
  long state;
} KERNEL;

struct task_struct___other_types {
  char comm;
  struct list_head *tasks;
} KERNEL;

struct no_such_struct {
  int member;
} KERNEL;

struct request {
  void *q;
  struct gendisk *rq_disk;
  void *part;
} KERNEL;

SEC("kprobe/x")
u64 fields(struct task_struct *task) {
  struct task_struct___before_5_14 *old = (void *)task;
  struct task_struct___other_types *other = (void *)task;
  struct no_such_struct *none = (void *)task;
  struct request *request = (void *)task;
  u64 sum = 0;
  if (FIELD_EXISTS(task->__state)) sum += READ(task, __state);
  if (FIELD_EXISTS(old->state)) sum += READ(old, state);
  if (FIELD_EXISTS(task->no_such_member)) sum += READ(task, no_such_member);
  if (FIELD_EXISTS(other->comm)) sum += 2;
  if (FIELD_EXISTS(other->tasks)) sum += 3;
  if (FIELD_EXISTS(none->member)) sum += READ(none, member);
  if (FIELD_EXISTS(request->rq_disk)) sum += (u64)READ(request, rq_disk);
  return sum + (u64)READ(request, q);
}

LICENSE
