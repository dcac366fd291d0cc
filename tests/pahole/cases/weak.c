// SPDX-License-Identifier: Apache-2.0
// Weak functions and variables, and their strong ones elsewhere.
// not: so lto
__attribute__((weak)) int replaced(int a) { return a; }
__attribute__((weak)) int kept(int a, int b) { return a + b; }
__attribute__((weak)) int other_types(int a) { return a; }
int target(int a) { return a + 3; }
int alias_of_target(int a) __attribute__((alias("target")));
__attribute__((weak)) int weak_value = 3;
extern __attribute__((weak)) int undefined_weak(int a);
int use(int a) { return replaced(a) + kept(a, a) + (undefined_weak ? undefined_weak(a) : 0); }
