// SPDX-License-Identifier: Apache-2.0
#include "program.h"

struct task_struct {
  int pid;
};
struct sk_buff {
  int one;
};
union bpf_attr {
  int one;
};
typedef unsigned int gfp_t;
typedef struct {
  int counter;
} atomic_t;
struct no_such_struct {
  int one;
};
enum pid_type { PIDTYPE_PID };

SEC("kprobe/x")
u64 sizes(void *context) {
  return TYPE_SIZE(struct task_struct) + TYPE_SIZE(struct sk_buff) +
         TYPE_SIZE(union bpf_attr) + TYPE_SIZE(gfp_t) + TYPE_SIZE(atomic_t) +
         TYPE_SIZE(struct no_such_struct) + TYPE_SIZE(enum pid_type);
}

LICENSE
