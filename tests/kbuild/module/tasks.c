// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include <linux/bpf.h>
#include <linux/btf.h>
#include <linux/module.h>
#include <linux/sched.h>

#include "counters.h"

__bpf_kfunc_start_defs();

__bpf_kfunc u64 btfd_task_weight(struct task_struct *task, int base)
{
	return task->flags + (u64)base;
}

__bpf_kfunc_end_defs();
