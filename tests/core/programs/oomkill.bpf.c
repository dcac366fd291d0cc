// SPDX-License-Identifier: Apache-2.0
// What the kernel kills when memory runs out.
#include "program.h"

struct oom_control {
  const u32 order;
  unsigned long totalpages;
  struct task_struct *chosen;
} KERNEL;
struct signal_struct {
  s32 oom_score_adj;
} KERNEL;
struct task_struct {
  int tgid;
  char comm[16];
  struct signal_struct *signal;
} KERNEL;
enum oom_constraint { CONSTRAINT_MEMCG = 9 };

SEC("kprobe/oom_kill_process")
u64 on_kill(struct oom_control *control) {
  struct task_struct *task = READ(control, chosen);
  return READ(control, totalpages) + READ(control, order) + READ(task, tgid) +
         READ(READ(task, signal), oom_score_adj) + READ(task, comm[1]) +
         ENUM_VALUE(enum oom_constraint, CONSTRAINT_MEMCG);
}

LICENSE
