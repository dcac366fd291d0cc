// SPDX-License-Identifier: Apache-2.0
// Per-CPU variables of functions: of ones that are inlined, and of one that is
// called as well. 1.24 makes them; an instance of a function takes name and
// type from where the function is described.
// everywhere
#define PERCPU __attribute__((section(".data..percpu")))
static inline __attribute__((always_inline)) int helper(int n) {
  static PERCPU int inside;
  {
    static PERCPU long deeper;
    deeper += n;
  }
  return inside += n;
}
int first(int n) { return helper(n); }
int second(int n) { return helper(n + 1); }
static inline int maybe(int n) {
  static PERCPU struct local { int a; } other;
  return other.a += n;
}
int (*taken)(int) = maybe;
int third(int n) {
  static PERCPU unsigned char own;
  return maybe(n) + own++;
}
