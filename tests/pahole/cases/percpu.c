// SPDX-License-Identifier: Apache-2.0
// Variables of the per-CPU section, and those that only look so.
// everywhere
#define PERCPU __attribute__((section(".data..percpu")))
struct state { int depth; struct state *next; };
struct empty {};
PERCPU int at_zero;
PERCPU unsigned long counter = 3;
PERCPU struct state state;
static PERCPU __attribute__((used)) int hidden;
PERCPU int list[4][2];
PERCPU void (*handler)(int);
PERCPU const char *text;
PERCPU char __UNIQUE_ID_mark42;
PERCPU char __tpstrtab_point;
PERCPU char __exitcall_out;
PERCPU char __gendwarfksyms_ptr_x;
PERCPU char __func_stack_frame_non_standard_x;
PERCPU struct empty nothing;
PERCPU enum colour { RED } colour;
extern PERCPU long declared_first;
PERCPU long declared_first = 1;
extern long only_declared;
int ordinary = 5;
__attribute__((section(".data..percpu..read_mostly"))) int read_mostly;
__attribute__((section(".data..ro"))) int other_section = 2;
int use(int n) {
  static PERCPU int inside;
  return inside += n + hidden + only_declared;
}
