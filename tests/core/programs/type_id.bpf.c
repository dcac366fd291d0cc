// SPDX-License-Identifier: Apache-2.0
// Ids of the program's own types, anonymous ones among them, and the kernel's.
#include "program.h"

struct task_struct {
  int pid;
};
struct sk_buff {
  int one;
};
struct only_here {
  int one;
  struct only_here *next;
};
typedef unsigned int gfp_t;

SEC("kprobe/x")
u64 ids(void *context) {
  return TYPE_ID_LOCAL(struct only_here) + TYPE_ID_LOCAL(struct task_struct *) +
         TYPE_ID_KERNEL(struct task_struct) + TYPE_ID_KERNEL(struct sk_buff) +
         TYPE_ID_KERNEL(gfp_t) + TYPE_ID_KERNEL(struct only_here);
}

LICENSE
