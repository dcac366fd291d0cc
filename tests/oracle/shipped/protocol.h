/* SPDX-License-Identifier: Apache-2.0
 *
 * What libbpf_server and ShippedLibbpf say to each other: structs as they are
 * in memory, both being programs of this machine.
 */
#ifndef BTFD_TESTS_ORACLE_SHIPPED_PROTOCOL_H_
#define BTFD_TESTS_ORACLE_SHIPPED_PROTOCOL_H_

#include <stdint.h>

/* In ShippedRequest.base. */
enum {
  SHIPPED_NO_BASE = 0,
  SHIPPED_NEW_BASE = 1,
  SHIPPED_SAME_BASE = 2, /* as in the request before */
};

/* In ShippedAnswer.status, besides 0 and libbpf's negative errors. */
enum { SHIPPED_ENDLESS = -10000 };

/* enum btf_endianness of the host. */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
enum { SHIPPED_HOST_ENDIAN = 0 };
#else
enum { SHIPPED_HOST_ENDIAN = 1 };
#endif

/* Followed by the base's bytes, if there is a new one, and the BTF's. */
struct ShippedRequest {
  uint32_t base;
  uint32_t encode; /* else: to be parsed as it is */
  uint32_t distill;
  uint32_t milliseconds; /* of processor time, after which it is endless */
  uint32_t base_size;
  uint32_t size;
};

/* Followed by the BTF's bytes, and those of the distilled base. */
struct ShippedAnswer {
  int32_t status;
  uint32_t size;
  uint32_t distilled_size;
};

#endif /* BTFD_TESTS_ORACLE_SHIPPED_PROTOCOL_H_ */
