// SPDX-License-Identifier: Apache-2.0
// Connections from begin to end, with what they carried.
#include "program.h"

struct sock_common {
  u16 skc_family;
  u16 skc_num;
} KERNEL;
struct sock {
  struct sock_common __sk_common;
  u16 sk_protocol;
} KERNEL;
struct tcp_sock {
  u64 bytes_received;
  u64 bytes_acked;
  u32 srtt_us;
  u32 mdev_us;
  u32 snd_cwnd;
} KERNEL;
enum tcp_state_names { NO_SUCH = 1 };

SEC("raw_tp/inet_sock_set_state")
u64 on_state(u64 *context) {
  struct sock *sock = (void *)context[0];
  struct tcp_sock *tcp = (void *)sock;
  return READ(sock, __sk_common.skc_num) + READ(sock, __sk_common.skc_family) +
         READ(sock, sk_protocol) + READ(tcp, bytes_received) +
         READ(tcp, bytes_acked) + READ(tcp, srtt_us) + READ(tcp, mdev_us) +
         READ(tcp, snd_cwnd);
}

LICENSE
