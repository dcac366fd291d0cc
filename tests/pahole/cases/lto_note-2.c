// SPDX-License-Identifier: Apache-2.0
// The second unit.
struct shared { int a; int list[2]; };
struct only_second { struct shared s; long b; };
static __attribute__((noinline, used)) int helper(struct shared *s) { return s->list[0]; }
int second(struct only_second *s) { return helper(&s->s); }
