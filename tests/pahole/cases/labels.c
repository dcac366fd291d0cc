// SPDX-License-Identifier: Apache-2.0
// Labels, computed jumps, statement expressions, nested functions.
// compilers: gcc
int jumps(int n) {
  static void *const table[] = {&&first, &&second};
  goto *table[n & 1];
first:
  n += 3;
second:
  return ({ struct inside { int a; } s = {n}; asm volatile("" : : "r"(&s)); s.a; });
}
int outer(int n) {
  __label__ out;
  int nested(int m) { return m + n; }
  int (*volatile call)(int) = nested;
  if (n > 5) goto out;
  n = call(n);
out:
  return n;
}
