/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
#ifndef BTFD_TEST_COUNTERS_H
#define BTFD_TEST_COUNTERS_H

#include <linux/types.h>

/* A type that the module alone has, and that each of its files describes. */
struct btfd_counter {
  u64 value;
  u32 step : 12;
  u32 saturates : 1;
  union {
    const char *name;
    struct btfd_counter *next;
  };
};

struct task_struct;
struct bpf_prog_aux;

u64 btfd_counter_add(struct btfd_counter *counter, u64 amount);
struct btfd_counter *btfd_counter_acquire(u32 index);
void btfd_counter_release(struct btfd_counter *counter);
u64 btfd_task_weight(struct task_struct *task, int base);

#endif
