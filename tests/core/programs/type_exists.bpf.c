// SPDX-License-Identifier: Apache-2.0
// Structs, unions, typedefs, enums, pointers behind typedefs, and what is not
// there at all.
#include "program.h"

struct task_struct {
  int pid;
};
union thread_union {
  int one;
};
struct thread_union___struct {
  int one;
};
struct no_such_struct {
  int one;
};
enum pid_type { PIDTYPE_PID };
typedef unsigned int gfp_t;
typedef struct {
  int counter;
} atomic_t;
typedef void (*dr_release_t)(void *dev, void *res);
typedef int (*dr_match_t)(void *dev, void *res, void *match_data);
typedef struct raw_spinlock {
  int one;
} raw_spinlock_t;

SEC("kprobe/x")
u64 types(void *context) {
  return TYPE_EXISTS(struct task_struct) + TYPE_EXISTS(union thread_union) +
         TYPE_EXISTS(struct thread_union___struct) +
         TYPE_EXISTS(struct no_such_struct) + TYPE_EXISTS(enum pid_type) +
         TYPE_EXISTS(gfp_t) + TYPE_EXISTS(atomic_t) +
         TYPE_EXISTS(dr_release_t) + TYPE_EXISTS(dr_match_t) +
         TYPE_EXISTS(raw_spinlock_t);
}

LICENSE
