// SPDX-License-Identifier: Apache-2.0
// What interprocedural passes make of functions: .isra, .constprop, .part, .cold.
struct big { long a, b, c, d; };
static __attribute__((noinline)) long takes_pointer(struct big *b) { return b->a; }
static __attribute__((noinline)) int unused_first(int unused, int b) { return b * 3; }
static __attribute__((noinline)) int always_seven(int a, int seven) { return a * seven + seven; }
static __attribute__((noinline)) int same_constant(int constant) { return constant << 2; }
extern void complain(const char *text, int n) __attribute__((cold));
extern int work(int);
static int partial(int *p, int n) {
  if (!p) return n;
  for (int i = 0; i < n; ++i) complain("partial", p[i]);
  for (int i = 0; i < n; ++i) work(p[i]);
  return work(n) + work(*p);
}
int uses_cold(int n) {
  if (__builtin_expect(n > 100, 0)) {
    complain("large", n);
    complain("again", n + 1);
    return -1;
  }
  return work(n);
}
long use_clones(struct big *b, int n, int *p) {
  return takes_pointer(b) + unused_first(n, n + 1) + always_seven(n, 7) + always_seven(n + 1, 7) +
         same_constant(5) + partial(p, n) + partial(p + 1, n);
}
long use_more(struct big *b, int n, int *p) {
  return takes_pointer(b + 1) + unused_first(1, n) + partial(p + 2, n) + same_constant(5);
}
static __attribute__((noinline)) int reorders(int a, int b, int c, int *d) { return a - c + *d; }
int use_reorders(int a, int d) { return reorders(a, 5, 6, &d) + reorders(a, 5, 9, &d); }
