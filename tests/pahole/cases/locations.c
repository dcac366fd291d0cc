// SPDX-License-Identifier: Apache-2.0
// Parameters that move, are constants, are split, or have no place at all.
struct pair { long a, b; };
struct odd { char c; long l; int i; };
extern long sink(long, ...);
extern void touch(void *);
static __attribute__((noinline)) long split(struct pair p, long n) { return p.a * n; }
static __attribute__((noinline)) long half_used(struct pair p) { return p.b; }
static __attribute__((noinline)) long address_taken(int a, int b) { touch(&a); return a + b; }
static __attribute__((noinline)) long late(int a, int b) { sink(1); sink(2); return a + sink(b); }
static __attribute__((noinline)) long never_used(int a, int b) { return sink(3); }
static __attribute__((noinline)) long odd_one(struct odd o, int n) { return o.l + n; }
static __attribute__((noinline)) long odd_pointer(struct odd *o, int n) { return o->l + n; }
static __attribute__((noinline)) int overwritten(int a) { a = 5; return a + (int)sink(a); }
static __attribute__((noinline)) long loop(long n, long *p) { long s = 0; while (n--) s += sink(*p++); return s; }
long all(struct pair p, struct odd o, int n, long *q) {
  return split(p, 3) + split(p, n) + half_used(p) + address_taken(n, 4) + late(n, n) + never_used(n, 1) +
         odd_one(o, n) + odd_pointer(&o, 5) + overwritten(n) + loop(n, q);
}
static int chain3(int z, int w) { return z * 3 + w; }
static int chain2(int y) { return chain3(y + 1, 2); }
static int chain1(int x) { return chain2(x + 1) + chain3(x, 4); }
int chained(int a) { return chain1(a) + chain2(a); }
int (*chain_taken)(int) = chain2;
