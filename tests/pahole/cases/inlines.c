// SPDX-License-Identifier: Apache-2.0
// Functions that exist as an abstract instance only, or as both.
static inline int small(int a, long b) { return a + b; }
static inline __attribute__((always_inline)) int always(int a, int *b) { return a + *b; }
static __attribute__((noinline)) int out_of_line(int a, int b) { return a * b; }
extern inline __attribute__((gnu_inline)) int extern_inline(int a) { return a + 7; }
inline int plain_inline(int a) { return a + 8; }
static int called_once(struct one { int x; } *o, int k) { return o->x + k; }
static int both_ways(int n) { return n < 2 ? n : both_ways(n - 1) + small(n, n); }
int (*taken)(int, long) = small;
int caller(int a, int *p, struct one *o) {
  return small(a, 3) + always(a, p) + out_of_line(a, 5) + called_once(o, 7) + extern_inline(a);
}
int caller_2(int a, int *p) { return always(a + 1, p) + both_ways(a) + plain_inline(a); }
