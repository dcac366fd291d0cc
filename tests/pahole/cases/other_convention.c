// SPDX-License-Identifier: Apache-2.0
// Arguments in other registers than the psABI's.
// not: cross
struct s { int a; };
__attribute__((ms_abi)) int of_windows(int a, int b, int c) { return a + b - c; }
__attribute__((ms_abi)) long of_windows_struct(struct s s, long b) { return s.a + b; }
__attribute__((ms_abi)) long same_by_chance(void) { return 1; }
int plain(int a, int b) { return a - b; }
