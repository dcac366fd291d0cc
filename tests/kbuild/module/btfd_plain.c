// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
/* Most modules are so: BTF, and no ids to resolve. */
#include <linux/module.h>

#include "counters.h"

static struct btfd_counter plain_counter;

static int __init btfd_plain_init(void)
{
	plain_counter.value++;
	return 0;
}

static void __exit btfd_plain_exit(void)
{
}

module_init(btfd_plain_init);
module_exit(btfd_plain_exit);
MODULE_DESCRIPTION("A module without kfuncs for the tests of btfd");
MODULE_LICENSE("GPL");
