// SPDX-License-Identifier: Apache-2.0
// What reading a bit-field takes: byte offset and size, signedness, shifts.
#include "program.h"

struct task_struct {
  unsigned in_execve : 1;
  unsigned sched_reset_on_fork : 1;
  unsigned no_cgroup_migration : 1;
  int prio;
} KERNEL;

struct tcp_sock {
  u32 rcv_tstamp;
  u8 nonagle : 4;
  u8 repair : 1;
} KERNEL;

struct sock {
  u8 sk_userlocks : 4;
  u16 sk_type;
} KERNEL;

#define BITS(from, member)                                 \
  (*(u64 *)((char *)(from) + FIELD_OFFSET((from)->member)) \
       << FIELD_LSHIFT((from)->member) >>                  \
   FIELD_RSHIFT((from)->member)) *                         \
          (FIELD_SIGNED((from)->member) ? 3 : 1) +         \
      FIELD_SIZE((from)->member)

SEC("kprobe/x")
u64 bits(struct task_struct *task) {
  struct tcp_sock *tcp = (void *)task;
  struct sock *sock = (void *)task;
  return BITS(task, in_execve) + BITS(task, sched_reset_on_fork) +
         BITS(tcp, nonagle) + BITS(tcp, repair) + BITS(sock, sk_userlocks) +
         FIELD_SIGNED(task->prio) + FIELD_SIGNED(sock->sk_type);
}

LICENSE
