// SPDX-License-Identifier: Apache-2.0
// const, volatile and restrict in every order, on everything.
typedef const int const_int;
typedef volatile const_int both;
const void *const_void;
volatile void *volatile_void;
const volatile void *const_volatile_void;
void *const pointer_constant;
const char *const *const deep;
char *restrict restricted;
const both *both_pointer;
volatile struct v {
  const int a;
  volatile long b;
  const volatile char c;
  const struct v *next;
  int *restrict d;
} object;
const enum { ONE } const_enum;
int *volatile *const *chain(const int n, int *restrict const p, volatile int v) { return 0; }
typedef void plain_function(void);
const plain_function *function_pointer;
const int const_array[3];
volatile const_int const_array_2[3];
