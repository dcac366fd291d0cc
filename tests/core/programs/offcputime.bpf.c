// SPDX-License-Identifier: Apache-2.0
// Time that tasks spend off the processor.
#include "program.h"

struct task_struct {
  int pid;
  int tgid;
  unsigned int flags;
  struct mm_struct *mm;
  u64 start_time;
} KERNEL;
struct sched_entity {
  u64 vruntime;
  u64 sum_exec_runtime;
} KERNEL;
struct task_struct___scheduler {
  struct sched_entity se;
  int on_cpu;
} KERNEL;

SEC("raw_tp/sched_switch")
u64 on_switch(u64 *context) {
  struct task_struct *task = (void *)context[1];
  struct task_struct___scheduler *scheduled = (void *)task;
  u64 sum = READ(task, pid) + READ(task, tgid) + READ(task, flags);
  if (FIELD_EXISTS(scheduled->on_cpu)) sum += READ(scheduled, on_cpu);
  return sum + READ(task, start_time) + READ(scheduled, se.vruntime) +
         READ(scheduled, se.sum_exec_runtime) + (READ(task, mm) != NULL);
}

LICENSE
