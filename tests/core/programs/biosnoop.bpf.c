// SPDX-License-Identifier: Apache-2.0
// Each block request with the process that caused it.
#include "program.h"

struct bvec_iter {
  u64 bi_sector;
  u32 bi_size;
} KERNEL;
struct block_device {
  u32 bd_dev;
  struct gendisk *bd_disk;
} KERNEL;
struct bio {
  struct bio *bi_next;
  struct block_device *bi_bdev;
  u32 bi_opf;
  struct bvec_iter bi_iter;
} KERNEL;
struct request {
  struct bio *bio;
  u64 __sector;
  struct block_device *part;
} KERNEL;
struct io_cq {
  struct io_context *ioc;
} KERNEL;

SEC("kprobe/blk_account_io_start")
u64 on_start(struct request *request) {
  struct bio *bio = READ(request, bio);
  u64 sum = READ(bio, bi_iter.bi_sector) + READ(bio, bi_iter.bi_size);
  if (FIELD_EXISTS(bio->bi_bdev)) sum += READ(READ(bio, bi_bdev), bd_dev);
  return sum + READ(bio, bi_opf) + READ(request, __sector) +
         (u64)READ(request, part) + (u64)READ(bio, bi_next);
}

LICENSE
