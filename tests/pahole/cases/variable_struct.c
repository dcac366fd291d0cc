// SPDX-License-Identifier: Apache-2.0
// A struct whose size is known at run time (a GNU extension).
// compilers: gcc
int variable(int n) {
  struct of_run_time {
    int a;
    char list[n];
    int b;
  } s;
  s.a = n;
  s.list[0] = 1;
  s.b = 2;
  asm volatile("" : : "r"(&s) : "memory");
  return s.a + s.b;
}
