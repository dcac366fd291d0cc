// SPDX-License-Identifier: Apache-2.0
// Connections that are begun, IPv4 and IPv6.
#include "program.h"

struct in6_addr {
  union {
    u8 u6_addr8[16];
    u32 u6_addr32[4];
  } in6_u;
} KERNEL;
typedef struct {
  struct net *net;
} KERNEL possible_net_t;
struct ns_common {
  u32 inum;
} KERNEL;
struct net {
  struct ns_common ns;
} KERNEL;
struct sock_common {
  u32 skc_daddr;
  u32 skc_rcv_saddr;
  u16 skc_dport;
  u16 skc_num;
  u16 skc_family;
  volatile unsigned char skc_state;
  possible_net_t skc_net;
  struct in6_addr skc_v6_daddr;
  struct in6_addr skc_v6_rcv_saddr;
} KERNEL;
struct sock {
  struct sock_common __sk_common;
  u32 sk_mark;
} KERNEL;

SEC("kprobe/tcp_v4_connect")
u64 on_connect(struct sock *sock) {
  struct in6_addr address = READ(sock, __sk_common.skc_v6_daddr);
  return READ(sock, __sk_common.skc_daddr) +
         READ(sock, __sk_common.skc_rcv_saddr) +
         READ(sock, __sk_common.skc_dport) + READ(sock, __sk_common.skc_num) +
         READ(sock, __sk_common.skc_family) + address.in6_u.u6_addr32[0] +
         READ(sock, __sk_common.skc_v6_rcv_saddr.in6_u.u6_addr32[3]) +
         READ(READ(sock, __sk_common.skc_net.net), ns.inum) +
         READ(sock, sk_mark);
}

LICENSE
