// SPDX-License-Identifier: Apache-2.0
// Kinds of functions: static, void, without prototype, of the old style.
// everywhere
void nothing(void) {}
void unspecified() {}
int old_style(a, b, c) int a; char b; float c; { return a + b; }
static __attribute__((noinline, used)) int hidden(int a) { return a + 1; }
__attribute__((noreturn)) void never(void) { for (;;); }
extern int only_declared(int a);
int calls(int a) { return only_declared(a) + hidden(a); }
__attribute__((section(".init.text"))) int in_section(long a) { return a; }
__attribute__((section(".exit.text"), used)) static void in_other_section(void) {}
__attribute__((const)) int constant(int a) { return a * a; }
int unused_parameter(int a, int unused) { return a; }
int no_name(int a, int *);
int no_name(int a, int *b) { return a; }
const char *const returns_const(const char *const text) { return text; }
_Bool returns_bool(_Bool b) { return !b; }
struct pair { long a, b; };
struct pair returns_pair(long a, long b) { return (struct pair){a, b}; }
struct triple { long a, b, c; };
struct triple returns_triple(long a) { return (struct triple){a, a, a}; }
int aaa_first(void) { return 1; }
int zzz_last(void) { return 2; }
