// SPDX-License-Identifier: Apache-2.0
// How long tasks wait for a processor, by control group.
#include "program.h"

struct kernfs_node {
  u64 id;
} KERNEL;
struct cgroup {
  struct kernfs_node *kn;
  int level;
} KERNEL;
struct css_set {
  struct cgroup *dfl_cgrp;
} KERNEL;
struct ns_common {
  u32 inum;
} KERNEL;
struct pid_namespace {
  struct ns_common ns;
} KERNEL;
struct upid {
  int nr;
  struct pid_namespace *ns;
} KERNEL;
struct pid {
  unsigned int level;
  struct upid numbers[1];
} KERNEL;
struct task_struct {
  u32 __state;
  int prio;
  int recent_used_cpu;
  struct css_set *cgroups;
  struct pid *thread_pid;
} KERNEL;
struct task_struct___before_5_14 {
  volatile long state;
} KERNEL;

SEC("raw_tp/sched_switch")
u64 on_switch(u64 *context) {
  struct task_struct *task = (void *)context[1];
  struct task_struct___before_5_14 *old = (void *)task;
  struct pid *pid = READ(task, thread_pid);
  u64 sum =
      FIELD_EXISTS(task->__state) ? READ(task, __state) : READ(old, state);
  sum += READ(READ(pid, numbers[0].ns), ns.inum) + READ(pid, numbers[0].nr);
  return sum + READ(READ(READ(READ(task, cgroups), dfl_cgrp), kn), id) +
         READ(task, prio) + READ(pid, level);
}

LICENSE
