// SPDX-License-Identifier: Apache-2.0
// Members through pointers, arrays, unions and anonymous structs.
#include "program.h"

struct list_head {
  struct list_head *next;
} KERNEL;

struct cred {
  struct {
    u32 val;
  } uid;
} KERNEL;

struct mm_struct {
  struct {
    unsigned long start_code;
    unsigned long arg_start;
  };
} KERNEL;

struct task_struct {
  int pid;
  char comm[16];
  struct mm_struct *mm;
  const struct cred *cred;
  struct list_head tasks;
  struct task_struct *real_parent;
} KERNEL;

struct sk_buff {
  union {
    struct {
      struct sk_buff *next;
    };
  };
  unsigned char *data;
  u16 transport_header;
} KERNEL;

SEC("raw_tp/sched_switch")
u64 task(struct task_struct *task) {
  const struct task_struct *parent = READ(task, real_parent);
  const struct cred *cred = READ(parent, cred);
  struct mm_struct *mm = READ(task, mm);
  return READ(cred, uid.val) + READ(mm, arg_start) + READ(task, comm[3]) +
         (u64)READ(task, tasks.next);
}

SEC("raw_tp/netif_rx")
u64 packet(struct sk_buff *skb) {
  return (u64)READ(skb, next) + (u64)READ(skb, data) +
         READ(skb, transport_header);
}

LICENSE
