// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include <linux/bpf.h>
#include <linux/btf.h>
#include <linux/module.h>

#include "counters.h"

static struct btfd_counter counters[4];

__bpf_kfunc_start_defs();

__bpf_kfunc u64 btfd_counter_add(struct btfd_counter *counter, u64 amount)
{
	counter->value += amount * counter->step;
	return counter->value;
}

__bpf_kfunc struct btfd_counter *btfd_counter_acquire(u32 index)
{
	return index < ARRAY_SIZE(counters) ? &counters[index] : NULL;
}

__bpf_kfunc void btfd_counter_release(struct btfd_counter *counter)
{
	counter->saturates = 0;
}

__bpf_kfunc_end_defs();
