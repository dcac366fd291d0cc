// SPDX-License-Identifier: Apache-2.0
// Here arg is larger, and mixed has a body of its own.
struct arg { int a; long more; };
static inline __attribute__((noinline, used)) int helper(struct arg *a, int n) { return a->a + n; }
static inline __attribute__((noinline, used)) void void_helper(void) {}
static inline __attribute__((noinline, used)) int mixed(int n) { return n * 3; }
int second(struct arg *a) { void_helper(); return helper(a, 4) + mixed(2); }
