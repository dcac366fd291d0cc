// SPDX-License-Identifier: Apache-2.0
// clang 14 cannot ask whether a type matches. It asks whether it exists here,
// and the test changes the question (tests/core/objects.h).
#include "program.h"

struct list_head {
  struct list_head *next, *prev;
};
struct hlist_node {
  struct hlist_node *next, **pprev;
};
struct rb_node {
  unsigned long __rb_parent_color;
  struct rb_node *rb_right;
  struct rb_node *rb_left;
};
struct rb_root {
  struct rb_node *rb_node;
};
struct timer_list {
  struct hlist_node entry;
  unsigned long expires;
  void (*function)(struct timer_list *);
  u32 flags;
};
struct wait_queue_entry;
typedef int (*wait_queue_func_t)(struct wait_queue_entry *wq_entry,
                                 unsigned mode, int flags, void *key);
struct wait_queue_entry {
  unsigned int flags;
  void *private;
  wait_queue_func_t func;
  struct list_head entry;
};
enum pid_type { PIDTYPE_PID, PIDTYPE_TGID };
struct list_head___other {
  int next;
};
union sigval {
  int sival_int;
  void *sival_ptr;
};
typedef struct {
  int counter;
} atomic_t;

SEC("kprobe/x")
u64 matches(void *context) {
  return TYPE_EXISTS(struct list_head) + TYPE_EXISTS(struct rb_root) +
         TYPE_EXISTS(struct timer_list) + TYPE_EXISTS(struct wait_queue_entry) +
         TYPE_EXISTS(enum pid_type) + TYPE_EXISTS(struct list_head___other) +
         TYPE_EXISTS(union sigval) + TYPE_EXISTS(atomic_t) +
         TYPE_EXISTS(struct hlist_node);
}

LICENSE
