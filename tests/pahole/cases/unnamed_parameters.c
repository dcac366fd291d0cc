// SPDX-License-Identifier: Apache-2.0
// Parameters without names: such functions are not encoded.
// flags: -std=gnu2x
int without(int) { return 1; }
int partly(int a, long) { return a; }
int complete(int a, long b) { return a + b; }
void (*pointer)(int, long) = 0;
