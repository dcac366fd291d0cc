// SPDX-License-Identifier: Apache-2.0
// Structs with members that the kernel tags (__rcu, __user): bpftool ends its
// run at the first one.
#include "program.h"

struct iovec {
  void *iov_base;
  u64 iov_len;
};
struct rcu_head;
struct hlist_node;
struct hlist_head {
  struct hlist_node *first;
};
struct xarray;
struct group_info;
struct fdtable {
  unsigned int max_fds;
  void **fd;
};

SEC("kprobe/x")
u64 matches(void *context) {
  return TYPE_EXISTS(struct iovec) + TYPE_EXISTS(struct hlist_head) +
         TYPE_EXISTS(struct fdtable);
}

LICENSE
