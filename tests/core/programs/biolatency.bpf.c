// SPDX-License-Identifier: Apache-2.0
// How long block requests take, by disk and operation.
#include "program.h"

struct gendisk {
  int major;
  int first_minor;
  char disk_name[32];
} KERNEL;
struct request_queue {
  struct gendisk *disk;
} KERNEL;
struct request {
  struct request_queue *q;
  u32 cmd_flags;
  u64 start_time_ns;
  u32 __data_len;
} KERNEL;
struct request___before_5_17 {
  struct gendisk *rq_disk;
} KERNEL;
enum req_op { REQ_OP_READ, REQ_OP_WRITE, REQ_OP_DISCARD = 3 };
enum req_opf { REQ_OP_FLUSH = 2 };

static struct gendisk *disk_of(struct request *request) {
  struct request___before_5_17 *old = (void *)request;
  if (FIELD_EXISTS(old->rq_disk)) return READ(old, rq_disk);
  return READ(READ(request, q), disk);
}

SEC("raw_tp/block_rq_complete")
u64 on_complete(u64 *context) {
  struct request *request = (void *)context[0];
  struct gendisk *disk = disk_of(request);
  u64 sum = now() - READ(request, start_time_ns) + READ(request, __data_len);
  if (ENUM_EXISTS(enum req_op, REQ_OP_DISCARD)) {
    sum += READ(request, cmd_flags) == ENUM_VALUE(enum req_op, REQ_OP_DISCARD);
  } else if (ENUM_EXISTS(enum req_opf, REQ_OP_FLUSH)) {
    sum += ENUM_VALUE(enum req_opf, REQ_OP_FLUSH);
  }
  return sum + READ(disk, major) + READ(disk, first_minor) +
         READ(disk, disk_name[0]);
}

LICENSE
