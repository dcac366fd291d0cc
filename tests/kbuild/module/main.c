// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
/* A module of several files with kfuncs, as out-of-tree ones are: two flagged
 * sets, and a list with ids of the module's and of the kernel's own types.
 */
#include <linux/bpf.h>
#include <linux/btf.h>
#include <linux/btf_ids.h>
#include <linux/module.h>

#include "counters.h"

#ifdef KF_IMPLICIT_ARGS
/* Since 7.0: BPF programs see this one without its last parameter. */
__bpf_kfunc_start_defs();
__bpf_kfunc int btfd_prog_marked(int mark, struct bpf_prog_aux *aux)
{
	return aux ? mark : -mark;
}
__bpf_kfunc_end_defs();
#endif

BTF_KFUNCS_START(btfd_counter_kfuncs)
BTF_ID_FLAGS(func, btfd_counter_release, KF_RELEASE)
BTF_ID_FLAGS(func, btfd_counter_acquire, KF_ACQUIRE | KF_RET_NULL)
BTF_ID_FLAGS(func, btfd_counter_add)
#ifdef KF_IMPLICIT_ARGS
BTF_ID_FLAGS(func, btfd_prog_marked, KF_IMPLICIT_ARGS)
#endif
BTF_KFUNCS_END(btfd_counter_kfuncs)

BTF_KFUNCS_START(btfd_task_kfuncs)
BTF_ID_FLAGS(func, btfd_task_weight, KF_RCU)
BTF_KFUNCS_END(btfd_task_kfuncs)

BTF_ID_LIST(btfd_types)
BTF_ID(struct, btfd_counter)
BTF_ID(struct, task_struct)
BTF_ID_UNUSED
BTF_ID(func, btfd_counter_release)

static const struct btf_kfunc_id_set counter_set = {
	.owner = THIS_MODULE,
	.set = &btfd_counter_kfuncs,
};

static const struct btf_kfunc_id_set task_set = {
	.owner = THIS_MODULE,
	.set = &btfd_task_kfuncs,
};

static int __init btfd_kfuncs_init(void)
{
	int err;

	err = register_btf_kfunc_id_set(BPF_PROG_TYPE_SCHED_CLS, &counter_set);
	if (!err)
		err = register_btf_kfunc_id_set(BPF_PROG_TYPE_TRACING,
						&task_set);
	pr_info("btfd_kfuncs: ids %u %u, registered: %d\n", btfd_types[0],
		btfd_types[1], err);
	return err;
}

static void __exit btfd_kfuncs_exit(void)
{
}

module_init(btfd_kfuncs_init);
module_exit(btfd_kfuncs_exit);
MODULE_DESCRIPTION("kfuncs for the tests of btfd");
MODULE_LICENSE("GPL");
