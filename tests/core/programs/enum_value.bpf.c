// SPDX-License-Identifier: Apache-2.0
// Enumerators by name: of other values than the kernel's, behind typedefs, of
// flavours, and missing ones.
#include "program.h"

enum pid_type { PIDTYPE_PGID = 99, PIDTYPE_NO_SUCH = 100 };
enum zone_type { ZONE_NORMAL = 77, __MAX_NR_ZONES = 78 };
enum bpf_map_type___x { BPF_MAP_TYPE_HASH___y = 55 };
enum no_such_enum { NOT_THERE = 1 };
typedef enum { PCI_DMA_TEST = 1 } no_such_enum_t;
typedef enum { PG_locked = 4 } pg_t;
enum pageflags { PG_locked___page = 44, PG_dirty = 45 };
enum wide { WIDE = 0x1ffffffffull };

SEC("kprobe/x")
u64 values(void *context) {
  u64 sum = ENUM_VALUE(enum pid_type, PIDTYPE_PGID) +
            ENUM_VALUE(enum zone_type, ZONE_NORMAL) +
            ENUM_VALUE(enum bpf_map_type___x, BPF_MAP_TYPE_HASH___y) +
            ENUM_VALUE(enum pageflags, PG_dirty);
  if (ENUM_EXISTS(enum pid_type, PIDTYPE_NO_SUCH)) sum += 1;
  if (ENUM_EXISTS(enum no_such_enum, NOT_THERE)) sum += 2;
  if (ENUM_EXISTS(no_such_enum_t, PCI_DMA_TEST)) sum += 4;
  if (ENUM_EXISTS(enum pageflags, PG_locked___page)) sum += 8;
  if (ENUM_EXISTS(enum wide, WIDE)) sum += 16;
  if (ENUM_EXISTS(pg_t, PG_locked)) sum += 16;
  return sum;
}

LICENSE
