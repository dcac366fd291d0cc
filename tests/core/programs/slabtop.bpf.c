// SPDX-License-Identifier: Apache-2.0
// Allocations by cache, and pages that are dropped.
#include "program.h"

struct kmem_cache {
  const char *name;
  unsigned int size;
  int refcount;
} KERNEL;
struct page {
  unsigned long flags;
  union {
    struct {
      struct address_space *mapping;
      unsigned long index;
    };
  };
} KERNEL;
struct page___memdesc {
  struct {
    unsigned long f;
  } flags;
} KERNEL;
struct address_space {
  struct inode *host;
  unsigned long nrpages;
} KERNEL;
struct inode {
  unsigned long i_ino;
} KERNEL;
typedef unsigned int gfp_t;
enum zone_type { ZONE_MOVABLE = 5 };

SEC("kprobe/kmem_cache_alloc")
u64 on_alloc(struct kmem_cache *cache) {
  struct page *page = (void *)cache;
  struct page___memdesc *described = (void *)page;
  struct address_space *mapping = READ(page, mapping);
  u64 sum = (u64)READ(cache, name) + READ(cache, size) + READ(cache, refcount);
  if (FIELD_EXISTS(described->flags.f)) {
    sum += READ(described, flags.f);
  } else {
    sum += READ(page, flags);
  }
  return sum + READ(READ(mapping, host), i_ino) + READ(mapping, nrpages) +
         TYPE_SIZE(gfp_t) + ENUM_VALUE(enum zone_type, ZONE_MOVABLE);
}

LICENSE
