// SPDX-License-Identifier: Apache-2.0
// Declarations inside functions and before definitions: what refers to what.
extern int later;
static int static_later;
struct incomplete;
extern struct incomplete object;
int reads(void) { extern int later; return later + static_later; }
int later = 3;
static int static_later = 4;
struct incomplete { int a; };
struct incomplete object;
extern __attribute__((section(".data..percpu"))) struct incomplete percpu_object;
int reads_percpu(void) { return percpu_object.a; }
__attribute__((section(".data..percpu"))) struct incomplete percpu_object = {5};
int declared_then_defined(int);
int declared_then_defined(int named) { return named; }
