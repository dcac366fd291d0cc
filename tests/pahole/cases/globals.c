// SPDX-License-Identifier: Apache-2.0
// Variables of all sections: encoded where global_var asks for them.
// everywhere
int initialized = 1;
int zero;
const int constant = 2;
static int hidden = 3;
static const char *const names[] = {"a", "b"};
extern int declared;
volatile long busy;
struct s { int a; } object, *pointer = &object;
__attribute__((section(".custom"))) short in_custom = 4;
__attribute__((aligned(128))) char aligned;
__thread int per_thread = 7;
int common __attribute__((common));
char flexible[] = "text";
struct tail { int n; char rest[]; } tail = {1, "abc"};
int *use(int n) {
  static int inside = 8;
  inside += n;
  return n ? &hidden : declared ? &inside : (int *)names[n];
}
