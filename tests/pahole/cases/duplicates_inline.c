// SPDX-License-Identifier: Apache-2.0
// The same inline function in two units, not inlined in either.
struct arg { int a; };
static inline __attribute__((noinline, used)) int helper(struct arg *a, int n) { return a->a + n; }
static inline __attribute__((noinline, used)) void void_helper(void) {}
static inline int mixed(int n) { return n * 3; }
int first(struct arg *a) { void_helper(); return helper(a, 3) + mixed(1); }
